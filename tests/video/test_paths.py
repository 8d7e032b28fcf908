"""Where a face is in every frame: smooth, without a lag, and hidden where it was lost."""

import numpy as np
import pytest

from deid.video.paths import path_of
from deid.video.tracking import Sighting, Track

from .test_poses import face

SIZE = (640, 480)


def path(frames, motion, *, begin=0, end=100, every=2, noise=0.0, rate=25.0):
    random = np.random.default_rng(0)
    sightings = []
    for k in frames:
        x, y = motion(k) + noise * random.standard_normal(2)
        sightings.append(Sighting(k, face(x=x, y=y)))
    return path_of(Track(begin, end, sightings), SIZE, rate, every, 0.9)


def centres(found):
    return found.points[:, :5].mean(1)


def still(k):
    return np.array([300.0, 200.0])


def test_between_sightings_a_face_is_where_it_moves():
    def motion(k):
        return np.array([300 + 0.5 * (k - 10) ** 2, 200 + 3 * k])

    found = path(range(0, 21, 2), motion)
    inside = slice(3 - found.first, 16 - found.first)
    wanted = np.array([motion(k) for k in range(found.first, found.end)])
    assert np.abs(centres(found) - wanted)[inside].max() < 0.2
    assert not found.lost[0 - found.first : 21 - found.first][3:-3].any()


def test_noise_is_smoothed():
    found = path(range(0, 80, 2), still, noise=1.0)
    assert np.abs(np.diff(centres(found), axis=0)).mean() < 0.3


def test_a_face_is_hidden_for_a_while_before_and_after():
    found = path(range(20, 41, 2), still)
    assert (found.first, found.end) == (14, 47)
    assert found.lost[:4].all() and found.lost[-4:].all() and not found.lost[10:20].any()


def test_no_path_leaves_its_shot():
    found = path(range(20, 41, 2), still, begin=18, end=42)
    assert (found.first, found.end) == (18, 42)


def test_one_that_leaves_the_picture_is_followed_out_of_it():
    found = path(range(20, 41, 2), lambda k: np.array([600 - 12 * (40 - k), 200.0]))
    assert found.end == 40 + 25 + 1
    assert centres(found)[-1, 0] > 640 + 100


def test_one_that_was_outside_comes_back_from_there():
    def motion(k):
        return np.array([480 + 300 * np.sin(np.pi * k / 40), 200.0])

    away = [k for k in range(0, 41, 2) if motion(k)[0] < 600]
    found = path(away, motion)
    assert centres(found)[20 - found.first, 0] > 660
    assert found.lost[20 - found.first]


def test_a_face_cut_by_the_border_is_guessed_from_when_it_was_whole():
    def motion(k):
        return np.array([450 + 10 * k, 200.0])

    def cut(k):  # a detector sees half a face further outside
        return motion(k) + (np.array([30.0, 0.0]) if k > 16 else 0)

    found = path(range(0, 21, 2), cut)
    assert abs(centres(found)[20 - found.first, 0] - motion(20)[0]) < 6
    assert found.lost[20 - found.first]


def test_one_sighting_is_enough_to_be_hidden_and_too_little_for_a_face():
    found = path([5], still)
    assert (found.first, found.end) == (0, 12)
    assert centres(found) == pytest.approx(np.tile(centres(found)[:1], (12, 1)), abs=1e-6)
    assert found.face(5).score == 0.0


def test_sightings_the_detector_is_not_sure_of_are_lost_ones():
    sightings = [Sighting(k, face(x=300.0 + k)) for k in range(0, 40, 2)]
    weak = sightings[10].face.__class__(sightings[10].face.box, 0.8, sightings[10].face.landmarks)
    sightings[10] = Sighting(20, weak)
    found = path_of(Track(0, 100, sightings), SIZE, 25.0, 2, 0.9)
    assert found.lost[20] and not found.lost[10] and not found.lost[30]
