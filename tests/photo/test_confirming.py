"""A second look at a face: whether it is one, which way up, and where its landmarks are."""

from dataclasses import replace

import pytest
import torch

from deid.photo import confirming, turning
from deid.photo.faces import Face


def distance(face: Face, other: Face) -> float:
    """Between landmarks, in eye distances."""
    unit = (other.points()[1] - other.points()[0]).norm()
    return ((face.points() - other.points()).norm(dim=1).mean() / unit).item()


def test_a_face_is_confirmed_where_it_is(sample, sample_faces):
    for face, (found, sure) in zip(
        sample_faces, confirming.confirm(sample.pixels, sample_faces), strict=True
    ):
        assert sure > 0.99 and distance(found, face) < 0.1
        assert (found.box, found.score) == (face.box, face.score)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_face_with_wrong_landmarks_gets_its_own(sample, sample_faces, quarters):
    """Its box is known, and landmarks as if it were upright."""
    size = (sample.pixels.shape[3], sample.pixels.shape[2])
    photo = turning.turned(sample.pixels, quarters).contiguous()
    there = [turning.turned_back(face, -quarters, (photo.shape[3], photo.shape[2])) for face in sample_faces]
    assert turning.turned_back(there[0], quarters, size).box == pytest.approx(sample_faces[0].box)
    for face in there:
        x1, y1, x2, y2 = face.box
        points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
        wrong = replace(face, landmarks=tuple((x1 + a * (x2 - x1), y1 + b * (y2 - y1)) for a, b in points))
        ((found, sure),) = confirming.confirm(photo, [wrong])
        assert sure > 0.95 and distance(found, face) < 0.25 < distance(wrong, face)


def test_a_place_without_a_face_is_not_confirmed(sample, sample_faces):
    face = sample_faces[0]
    ((_, sure),) = confirming.confirm(sample.pixels, [face.moved(0, 2.2 * face.size)])
    assert sure < 0.5
    assert confirming.confirm(sample.pixels, []) == []


def test_the_square_that_is_looked_at_is_as_mtcnn_cuts_it(sample_faces):
    """The middle of the box, widened to a square."""
    upright = sample_faces[0]
    matrix = confirming.FRAME.matrix(upright)
    middle = matrix[:, :2] @ torch.full((2,), (confirming.SIDE - 1) / 2, dtype=matrix.dtype) + matrix[:, 2]
    x1, y1, x2, y2 = upright.box
    assert middle.tolist() == pytest.approx([(x1 + x2) / 2, (y1 + y2) / 2], abs=0.08 * upright.size)
    assert matrix[0, 0].item() * confirming.SIDE == pytest.approx(upright.size, rel=0.12)
