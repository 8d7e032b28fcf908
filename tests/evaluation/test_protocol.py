"""The protocol with the real recogniser, on the two people of the sample photo."""

import pytest
import torch

from deid.evaluation import cohort, gates, protocol
from deid.references.library import Library


@pytest.mark.slow
def test_a_case_has_attackers_and_what_is_left_to_use(two_people, tmp_path):
    pytest.importorskip("dlib")
    people = cohort.people(two_people, 2)
    turned = [cohort.Person(person.name, person.probe, person.gallery) for person in people]
    study = protocol.Study(
        [*people, *turned], tmp_path
    )  # four: an attacker who learns needs some to learn from
    found = protocol.evaluate(study, "blackout", adaptive=True)
    assert set(found) == {"fixed", "adaptive", "linked", "itself", "usefulness", "people"}
    assert found["usefulness"]["still detected"][0] == 0 and found["itself"]["dlib"][0] == 0
    other = protocol.evaluate(study, protocol.OTHER)
    assert set(other) == {"fixed", "people"}
    assert other["fixed"]["dlib"]["rank-1"][0] == 0, "another person's photo"


@pytest.mark.slow
def test_a_machine_is_asked_about_the_probes_of_a_study(portraits, tmp_path):
    photos = portraits(tmp_path / "photos", 8)
    study = protocol.Study([cohort.Person(path.stem, path, path) for path in photos], tmp_path / "cache")
    found = protocol.tell(study, "blackout")
    assert found["AUC"][0] > 0.95 and found["people"] == 8
    assert protocol.tell(study, "original")["AUC"][0] == 0.5


@pytest.mark.slow
def test_the_attackers_gallery_has_seeds_of_its_own(two_people, tmp_path):
    pytest.importorskip("dlib")
    people = cohort.people(two_people, 2)
    same = [cohort.Person(person.name, person.probe, person.probe) for person in people]
    study = protocol.Study(same, tmp_path)
    probes, gallery = study.after("onepass"), study.anonymized_gallery("onepass")
    assert not torch.equal(probes.crops, gallery.crops), "the same photos, another seed"


@pytest.mark.slow
def test_a_recogniser_of_the_check_does_not_judge_and_two_judges_look_together(two_people, tmp_path):
    pytest.importorskip("dlib")
    study = protocol.Study(cohort.people(two_people, 2), tmp_path, ("dlib", "openface"))
    assert study.judges_of("reference") == ["dlib", "openface"]
    assert study.judges_of("reference verify=yes") == ["dlib"]
    assert study.judges_of("reference recogniser=openface+dlib verify=yes") == []
    found = protocol.evaluate(study, "original")
    assert list(found["fixed"]) == ["dlib", "openface", protocol.ENSEMBLE]
    assert all(report["rank-1"][0] == 1 for report in found["fixed"].values())
    assert all(share[0] == 1 for share in found["itself"].values()), "untouched, so still the same"


@pytest.mark.slow
def test_slow_cases_look_for_the_first_people_among_all(two_people, tmp_path):
    pytest.importorskip("dlib")
    people = cohort.people(two_people, 2)
    study = protocol.Study([*people, *people], tmp_path, slow=["blackout"], first=2)
    found = protocol.evaluate(study, "blackout")
    assert found["people"] == found["usefulness"]["photos"] == 2
    assert protocol.evaluate(study, "original")["people"] == 4
    spread = protocol.similarities(study, ["blackout"], "dlib")
    assert [len(part) for part in spread.values()] == [4, 2, 4]
    assert spread["the same person, untouched"].min() > spread["different people, untouched"].max()


@pytest.mark.slow
def test_a_face_is_most_like_the_person_of_the_library_that_it_shows(two_people, tmp_path, own_library):
    study = protocol.Study(cohort.people(two_people, names=["Hopper"]), tmp_path, ("openface",))
    drawn, black = (study.after(case) for case in ("reference", "blackout"))
    assert 0 <= drawn.shown[0, 0] < len(Library.open(own_library)) and drawn.shown[0, 1] == -1
    assert protocol.as_shown(study, "reference", drawn)["openface"][0] == 1
    assert black.shown.tolist() == [[-1, -1]] and protocol.as_shown(study, "blackout", black) == {}


def case(fixed, adaptive=None, judge="dlib") -> dict:
    """What a case has, where rank-1 is a share [value, low, high]."""
    found = {"fixed": {judge: {"rank-1": fixed, "area under curve": 0.9}}}
    return found | ({"adaptive": {judge: {"rank-1": adaptive}}} if adaptive else {})


def test_the_protocol_stops_at_what_cannot_be():
    good, weak = case([0.97, 0.95, 0.99]), case([0.5, 0.4, 0.6], [0.2, 0.1, 0.3])
    protocol.check_results({"original": good}, 100)
    with pytest.raises(gates.GateError, match="blur, judged by dlib: .* it cannot be"):
        protocol.check_results({"original": good, "blur": weak}, 100)
    with pytest.raises(gates.GateError, match="original: .* under 90 %"):
        protocol.check_results({"original": weak}, 100)


def test_what_the_surroundings_tell_is_part_of_every_row():
    """Black faces mislead no one: this attacker finds more than the one who looks at the new face."""
    results = {"blackout": case([0.0, 0.0, 0.02], [0.3, 0.2, 0.4]), "blur": case([0.0, 0.0, 0.01])}
    protocol.check_results(results, 100)
    assert protocol.headline.strongest(results, "blur")["attacker"] == "context, adaptive"
