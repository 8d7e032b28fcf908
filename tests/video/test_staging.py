"""Staged clips: the truth is where it is said to be."""

import numpy as np
import pytest

from deid.anonymization.options import Options
from deid.video import searching, staging
from deid.video.staging import Actor, Pose

from .conftest import LARGE


@pytest.fixture
def staged(heads):
    def of(pose, bar=None, more=()):
        actors = [Actor(heads[0], lambda k: pose), *more]
        (frame,) = staging.stage(actors, 1, lambda k: staging.backdrop(320, 240), bar)
        return frame

    return of


@pytest.mark.parametrize("pose", [Pose(120, 110, 24), Pose(200, 130, 40, 20), Pose(160, 120, 30, -25)])
def test_the_detector_finds_the_face_at_its_true_place(staged, pose):
    frame = staged(pose)
    (found,) = searching.finder(Options(**LARGE))(frame.pixels)
    away = np.array(found.landmarks) - np.array(frame.faces[0].landmarks)
    assert np.abs(away).max() < 0.25 * pose.eyes
    assert frame.viewed[0].sum() == pytest.approx(3.6 * pose.eyes**2, rel=0.4)


def test_what_stands_before_a_face_is_not_viewed(staged, heads):
    pose = Pose(160, 120, 30)
    whole = staged(pose).viewed[0].sum()
    post = staged(pose, lambda k: Pose(160, 0, 10))
    assert (
        post.viewed[0].sum() == pytest.approx(whole * 0.6, rel=0.3) and not post.viewed[0][:, 151:169].any()
    )
    covered = staged(pose, more=[Actor(heads[1], lambda k: Pose(165, 120, 32))])
    assert covered.viewed[0].sum() < 0.02 * whole < covered.viewed[1].sum()


def test_one_who_is_away_has_no_face(staged):
    assert staged(None).faces == {} == staged(None).viewed


def test_frames_are_the_same_each_time(staged):
    assert np.array_equal(staged(Pose(100, 100, 30)).pixels, staged(Pose(100, 100, 30)).pixels)
