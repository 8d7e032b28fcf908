"""The detector on the photo that ships, and boxes given by hand."""

import math

import pytest
import torch
from facenet_pytorch import MTCNN

from deid.photo import detection, images


def test_the_sample_photo_has_two_faces(sample, sample_faces):
    found = detection.detect(sample.pixels)[0]
    assert len(found) == 2 and min(face.score for face in found) >= 0.99
    assert found[0].size > found[1].size
    assert detection.detect(sample.pixels, min_score=0.5)[0] == found  # and nothing that only looks like one
    for face in sample_faces:
        x1, y1, x2, y2 = face.box
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
        assert all(x1 < x < x2 and y1 < y < y2 for x, y in face.landmarks)
        assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    tilts = [
        math.degrees(math.atan2(f.landmarks[1][1] - f.landmarks[0][1], f.landmarks[1][0] - f.landmarks[0][0]))
        for f in sample_faces
    ]
    assert abs(tilts[0]) < 6 and -23 < tilts[1] < -12


def test_detection_limits(sample, sample_faces):
    smaller, larger = sorted(face.size for face in sample_faces)
    (only,) = detection.detect(sample.pixels, min_size=(smaller + larger) / 2)[0]
    assert only.size == pytest.approx(larger, rel=0.1)  # another pyramid, another few pixels
    assert detection.detect(sample.pixels, min_score=1.0)[0] == []


def test_a_batch_is_its_photos_one_by_one(sample):
    blank = torch.zeros_like(sample.pixels)
    one, none = detection.detect(torch.cat([sample.pixels, blank]))
    assert none == [] and len(one) == 2
    for face, alone in zip(one, detection.detect(sample.pixels)[0], strict=True):
        torch.testing.assert_close(face.points(), alone.points(), rtol=0, atol=0.05)


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (18, 18), (19, 19), (20, 60), (24, 24)])
def test_tiny_photos_have_no_faces(size):
    assert detection.detect(torch.rand(1, 3, *size) * 2 - 1) == [[]]


def test_own_boxes_get_the_landmarks_of_what_was_detected(sample_faces):
    left, right = sample_faces
    box = tuple(value + 5 for value in right.box)
    (given,) = detection.from_boxes([box], sample_faces)
    assert given.box == box and given.landmarks == right.landmarks and given.score == right.score


def test_own_boxes_without_detection_get_the_mean_face(sample_faces):
    """On the upright face the guess lies within a tenth of the box of what the detector finds."""
    upright = sample_faces[0]
    (guessed,) = detection.from_boxes([upright.box], [])
    assert guessed.box == upright.box and guessed.score == 1.0
    assert (guessed.points() - upright.points()).norm(dim=1).max() < 0.12 * upright.size
    (elsewhere,) = detection.from_boxes([(600, 400, 650, 460)], sample_faces)
    assert all(600 < x < 650 and 400 < y < 460 for x, y in elsewhere.landmarks)


def test_photos_of_mixed_sizes_have_their_own_coordinates(sample):
    cut = sample.pixels[..., :477, :601]
    alone = detection.detect_many([cut], 0.9, 24)[0]
    both = detection.detect_many([sample.pixels, cut, torch.zeros(1, 3, 9, 9)], 0.9, 24)
    assert [len(found) for found in both] == [2, 1, 0]
    torch.testing.assert_close(both[1][0].points(), alone[0].points(), rtol=0, atol=0.05)


@pytest.mark.filterwarnings("ignore")
def test_many_photos_have_the_boxes_that_facenet_pytorch_finds(sample):
    """Of any size: a side that no power of two divides is not made longer."""
    photos = [sample.pixels[..., top : top + 431, :590] for top in (0, 7, 30)] + [sample.pixels[..., :602]]
    for photo, faces in zip(photos, detection.detect_many(photos, 0.9, 50), strict=True):
        levels = images.to_levels(photo)[0].permute(1, 2, 0).numpy().round().astype("uint8")
        boxes, _ = MTCNN(min_face_size=40, keep_all=True).detect(levels)
        wanted = torch.tensor(sorted(boxes.tolist()))
        own = torch.tensor(sorted(face.box for face in faces))
        torch.testing.assert_close(own, wanted, rtol=0, atol=0.05)


def test_large_faces_are_found_in_a_smaller_photo(sample, sample_faces):
    wanted = detection.detect(sample.pixels, min_size=130)[0]
    found = detection.detect_large(sample.pixels, 0.9, 130)
    assert len(found) == len(wanted) == 2
    for large, exact in zip(found, wanted, strict=True):
        unit = (exact.points()[1] - exact.points()[0]).norm()
        assert (large.points() - exact.points()).norm(dim=1).max() < 0.1 * unit, "as between any two searches"
    assert detection.detect_large(sample.pixels, 0.9, 40) == detection.detect(sample.pixels, 0.9, 40)[0]
