"""The first way through a clip."""

from fractions import Fraction

import numpy as np

from deid.anonymization.options import Options
from deid.photo.faces import overlap
from deid.video import engine, searching
from deid.video.reading import ClipFrame

from .conftest import LARGE, Counted, gradient
from .test_poses import face


def survey(frames, find, every=2):
    return engine.finished(searching.survey(frames, find, Fraction(1, 25), every))


def test_the_detector_finds_who_is_there(scenario):
    staged, _ = scenario("moves")
    found = searching.finder(Options(**LARGE))(staged[20].pixels)
    assert len(found) == 2
    for true in staged[20].faces.values():
        assert max(overlap(true.box, one.box) for one in found) > 0.5


def test_every_other_frame_is_searched_and_both_sides_of_a_cut():
    asked = []

    def find(pixels):
        asked.append(int(pixels[0, 0, 2]))
        return []

    dark, light = np.zeros((40, 60, 3), np.uint8), np.full((40, 60, 3), 200, np.uint8)
    frames = []
    for number in range(12):
        pixels = (dark if number < 6 else light).copy()
        pixels[0, 0, 2] = number
        frames.append(ClipFrame(pixels, number, number))
    found = survey(frames, find, every=4)
    assert asked == [0, 4, 5, 6, 8, 11]
    assert (found.starts, found.count, found.size, found.rate) == ([0, 6], 12, (60, 40), 25.0)


def test_few_frames_are_alive_at_once():
    counted = Counted()
    survey(counted.frames(40), lambda pixels: [])
    assert counted.most <= 3


def test_faces_that_reach_over_each_other_are_marked():
    one, other, apart = face(x=50), face(x=90), face(x=300)
    frame = ClipFrame(gradient(0, 400, 200), 0, 0)
    assert [s.touched for s in searching.seen(frame, lambda pixels: [one, other, apart])] == [
        True,
        True,
        False,
    ]


def test_a_look_is_the_same_in_more_light_and_another_for_another(scenario):
    staged, _ = scenario("moves")
    pixels, faces = staged[0].pixels, staged[0].faces
    own, other = (searching.look(pixels, faces[name]) for name in (0, 1))
    darker = searching.look((pixels * 0.6).astype(np.uint8), faces[0])
    assert own @ darker > 0.98 > 0.9 > own @ other
