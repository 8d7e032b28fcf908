from deid.app import visits
from deid.app.visits import Visits


def test_each_key_has_a_session_of_its_own():
    here = Visits()
    assert here.of("ann") is here.of("ann") is not here.of("bob")
    assert here.of("ann").session is not here.of("bob").session


def test_a_word_fetches_what_was_handed_out_and_no_more():
    here = Visits()
    word = here.of("ann").hand_out("after", b"jpeg", "after.jpg")
    assert here.item(word).content == b"jpeg" and here.item(word).kind == "image/jpeg"
    assert len(word) > 20 and here.item("after") is None
    newer = here.of("ann").hand_out("after", b"other", "after.jpg")
    assert here.item(word) is None and here.item(newer).content == b"other"


def test_nothing_is_left_of_a_visit_that_ended(opened, tmp_path):
    here = Visits(tmp_path)
    visit = here.of("ann")
    word, other = visit.hand_out("after", b"jpeg", "a.jpg"), here.of("bob").hand_out("after", b"", "b.jpg")
    here.close("ann")
    assert here.item(word) is None and visit.session.closed and not visit.items
    assert here.item(other) and not here.of("bob").session.closed
    here.close("ann")  # a browser may say so twice
    here.close_all()
    assert here.item(other) is None


def test_who_is_away_for_long_is_forgotten():
    clock = iter([0.0, visits.IDLE + 1, visits.IDLE + 2])
    here = Visits(now=lambda: next(clock))
    first = here.of("ann")
    here.of("bob")
    assert first.session.closed and list(here.visits) == ["bob"]
    assert here.of("ann") is not first


def test_of_too_many_visits_the_oldest_ends():
    here = Visits()
    first, second = here.of("0"), here.of("1")
    here.of("0")
    for k in range(2, visits.VISITS + 1):
        here.of(str(k))
    assert second.session.closed and not first.session.closed and len(here.visits) == visits.VISITS
