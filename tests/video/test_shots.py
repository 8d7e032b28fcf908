"""Cuts are found; motion, a lamp and a flash are none."""

import numpy as np
import pytest

from deid.video import staging
from deid.video.shots import Shots, shot_of


def places(*seeds):
    return [(staging.backdrop(160, 120, seed)[0].permute(1, 2, 0).numpy() + 1) / 2 * 255 for seed in seeds]


@pytest.fixture
def starts():
    def of(frames):
        shots = Shots()
        changed = [k for k, frame in enumerate(frames) if shots.add(frame.clip(0, 255).astype(np.uint8))]
        return shots.starts, changed

    return of


def test_a_cut_begins_a_shot(starts):
    one, other = places(0, 1)
    assert starts([one - 50] * 5 + [other + 40] * 5 + [one - 50] * 6)[0] == [0, 5, 10]


def test_a_moving_picture_and_more_light_are_no_cut(starts):
    (one,) = places(2)
    assert starts([np.roll(one, 6 * k, 1) for k in range(10)])[0] == [0]
    assert starts([one * (0.6 + 0.04 * k) for k in range(10)])[0] == [0]


def test_a_flash_is_no_cut_but_its_frames_are_searched(starts):
    (one,) = places(3)
    flash = np.full_like(one, 255)
    assert starts([one] * 5 + [flash] * 2 + [one] * 5) == ([0], [5, 7])


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (17, 5), (1080, 1920)])
def test_frames_of_any_size_are_looked_at(size):
    shots = Shots()
    assert [shots.add(np.zeros((*size, 3), np.uint8)) for _ in range(2)] == [False, False]


def test_the_shot_of_a_frame_is_known():
    assert [shot_of([0, 5, 9], frame) for frame in (0, 4, 5, 8, 9, 20)] == [0, 0, 1, 1, 2, 2]
