"""Finds against what was marked."""

from deid.evaluation.detection import scores
from deid.evaluation.detection.scores import Count, Marked

MARKED = Marked([(0, 0, 20, 20), (50, 0, 70, 20)], [(0, 100, 40, 140)])


def test_a_face_is_found_once_and_twice_is_not_false():
    assert scores.count([(1, 1, 21, 21)], MARKED) == Count(2, 1, 0)
    assert scores.count([(1, 1, 21, 21), (0, 2, 20, 22)], MARKED) == Count(2, 1, 0)
    assert scores.count([(50, 0, 70, 20), (0, 0, 20, 20)], MARKED) == Count(2, 2, 0)


def test_a_find_elsewhere_or_much_too_large_is_false():
    assert scores.count([(200, 200, 220, 220), (0, 0, 70, 70)], MARKED) == Count(2, 0, 2)


def test_places_to_ignore_are_neither():
    assert scores.count([(10, 110, 20, 120), (20, 110, 60, 150)], MARKED) == Count(2, 0, 0)


def test_faces_of_a_few_pixels_are_ignored():
    marked = scores.mark([(0, 0, 9, 9), (0, 20, 8, 31)], [(50, 50, 60, 60)])
    assert marked == Marked([(0, 20, 8, 31)], [(50, 50, 60, 60), (0, 0, 9, 9)])
    assert scores.count([(0, 0, 9, 9)], marked) == Count(1, 0, 0)
