"""Who is looked for."""

import pytest

from deid.evaluation import cohort


def test_people_are_the_same_for_a_seed_and_can_be_listed(two_people):
    chosen = cohort.people(two_people, 2)
    assert [person.name for person in chosen] == ["Collins", "Hopper"]
    assert (chosen[0].gallery.name, chosen[0].probe.name) == ("Collins_0001.jpg", "Collins_0002.jpg")
    assert cohort.people(two_people, names=["Hopper"]) == chosen[1:]
    with pytest.raises(ValueError, match="2 people with two photos, 3 were asked for"):
        cohort.people(two_people, 3)
    with pytest.raises(ValueError, match="Stranger and 0 more"):
        cohort.people(two_people, names=["Stranger"])


def test_those_who_are_listed_come_first_and_everyone_else_behind_them(two_people):
    chosen = cohort.people(two_people, names=["Hopper"], everyone=True)
    assert [person.name for person in chosen] == ["Hopper", "Collins"]
