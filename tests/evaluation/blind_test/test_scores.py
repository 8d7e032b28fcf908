"""What lookers said becomes shares and a table."""

from deid.evaluation.blind_test import scores
from deid.evaluation.blind_test.scores import Look


def test_shares_are_means_over_faces():
    said = {"a.jpg#1": [Look(2), Look(2), Look(0), Look(2)], "a.jpg#2": [Look(0)], "b.jpg#1": [Look(1)]}
    found = scores.shares(said)
    assert found["wrong at once"].value == 0.25 and abs(found["nothing noticed"].value - 1.25 / 3) < 1e-6


def test_the_worst_verdict_of_a_face_counts_in_the_table():
    said = {
        "b#2.jpg#1": [Look(0, "fine"), Look(2, "two chins")],
        "a.jpg#1": [Look(0)],
        "a.jpg#2": [Look(1, "soft"), Look(0)],
    }
    _, _, *rows = scores.by_photo(said)
    assert rows == ["| a.jpg | 1 | 1 | 0 | soft |", "| b#2.jpg | 0 | 0 | 1 | two chins |"]
