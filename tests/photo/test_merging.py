"""Two detectors' finds become one list: each face once, its best landmarks, scores of one meaning."""

from dataclasses import replace

import pytest
import torch

from deid.photo import merging, turning
from deid.photo.faces import Face, overlap


def by_centerface(face: Face, score: float, *, off: float = 0.0) -> Face:
    return replace(face.moved(off, off), score=score, by=(merging.CENTERFACE,))


@pytest.fixture
def by_mtcnn(sample_faces) -> list[Face]:
    return [replace(face, by=(merging.MTCNN,)) for face in sample_faces]


def test_a_face_that_both_found_is_one_with_mtcnns_landmarks(sample, by_mtcnn):
    seen = [by_centerface(face, 0.8, off=4) for face in by_mtcnn]
    found = merging.merge(sample.pixels, by_mtcnn, seen)
    assert {face.landmarks for face in found} == {face.landmarks for face in by_mtcnn}
    assert {face.by for face in found} == {(merging.MTCNN, merging.CENTERFACE)}
    assert all(face.score > max(one.score for one in by_mtcnn) - 1e-3 for face in found)


def test_a_face_that_only_centerface_found_gets_landmarks_from_mtcnns_last_network(sample, by_mtcnn):
    left, right = by_mtcnn
    wrong = by_centerface(replace(right, landmarks=right.moved(12, -9).landmarks), 0.5)
    found = {face.by: face for face in merging.merge(sample.pixels, [left], [wrong])}
    new = found[merging.CENTERFACE,]
    off = (new.points() - right.points()).norm(dim=1).mean()
    assert off < 0.1 * (right.points()[1] - right.points()[0]).norm() and new.score > 0.9
    assert found[merging.MTCNN,].landmarks == left.landmarks


@pytest.mark.parametrize(
    ("score", "size", "certain"),
    [
        (0.15, 20, None),
        (0.22, 20, None),
        (0.22, 12, False),
        (0.3, 20, False),
        (0.5, 20, True),
        (0.3, 80, None),
        (0.5, 80, True),
    ],
)
def test_what_centerface_alone_says_is_none_doubtful_or_certain(score, size, certain):
    """Where there is nothing that a second look could confirm; of a large face it would."""
    lawn = torch.full((1, 3, 200, 200), -0.2)
    face = Face(
        (60, 60, 60 + 0.75 * size, 60 + size),
        score,
        ((75, 90), (105, 90), (90, 105), (78, 120), (102, 120)),
        ("centerface",),
    )
    found = merging.merge(lawn, [], [face])
    assert [one.score >= merging.CERTAIN for one in found] == ([] if certain is None else [certain])
    assert [one.landmarks for one in found] == [face.landmarks] * len(found)


def test_two_that_are_not_sure_are_surer_together(sample, by_mtcnn):
    left = by_mtcnn[0]
    weak, alone = replace(left, score=0.8), by_centerface(left, 0.3)
    (both,) = merging.merge(sample.pixels, [weak], [alone])
    assert both.score > max(weak.score, 0.75) and both.by == (merging.MTCNN, merging.CENTERFACE)


def test_a_face_on_its_head_gets_the_landmarks_of_the_turned_look(sample, by_mtcnn):
    """MTCNN is sure of such faces at times, and calls the chin a brow."""
    size = (sample.pixels.shape[3], sample.pixels.shape[2])
    photo = turning.turned(sample.pixels, 2).contiguous()
    (true, _) = (turning.turned_back(face, 2, size) for face in by_mtcnn)
    eyes = [true.landmarks[k] for k in (4, 3, 2, 1, 0)]
    mistaken = replace(true, landmarks=tuple(eyes), score=0.97)
    (found,) = merging.merge(photo, [mistaken], [by_centerface(true, 0.8)])
    assert found.landmarks[0][0] > found.landmarks[1][0] and found.landmarks[0][1] > found.landmarks[3][1]
    assert (found.points() - true.points()).norm(dim=1).mean() < 8


def test_a_doubtful_find_on_a_certain_face_is_none(sample, by_mtcnn):
    left = by_mtcnn[0]
    x1, y1, x2, y2 = left.box
    part = Face((x1, (y1 + y2) / 2, (x1 + x2) / 2, y2), 0.3, left.landmarks, (merging.CENTERFACE,))
    beside = by_centerface(left, 0.3, off=0.3 * left.size)
    assert [f.box for f in merging.merge(sample.pixels, [left], [part, beside])] == [left.box]


def test_two_faces_close_together_stay_two(sample, by_mtcnn):
    left = by_mtcnn[0]
    near = replace(left.moved(0.6 * (left.box[2] - left.box[0]), 0), score=0.95)
    assert overlap(left.box, near.box) > 0.2
    seen = [by_centerface(left, 0.9), by_centerface(near, 0.8)]
    assert len(merging.merge(sample.pixels, [left, near], seen)) == 2


def test_nothing_found_is_nothing(sample):
    assert merging.merge(sample.pixels, [], []) == []
