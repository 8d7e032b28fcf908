"""A face's box and landmarks: moved, scaled, mirrored, compared."""

import pytest
import torch

from deid.photo import faces
from deid.photo.faces import Face


def test_overlap_is_the_shared_part_of_two_boxes():
    assert faces.overlap((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert faces.overlap((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert faces.overlap((0, 0, 2, 2), (5, 5, 6, 6)) == 0 == faces.overlap((1, 1, 1, 1), (1, 1, 1, 1))


@pytest.fixture
def face() -> Face:
    return Face(
        (10.0, 20.0, 50.0, 80.0),
        0.98765,
        ((20.0, 40.0), (40.0, 41.0), (31.0, 50.0), (22.0, 60.0), (39.0, 61.0)),
    )


def test_a_moved_face_is_where_it_was_moved_to(face):
    moved = face.moved(3, -2)
    assert moved.box == (13, 18, 53, 78) and moved.score == face.score and moved.size == face.size == 60
    torch.testing.assert_close(moved.points(), face.points() + torch.tensor([3.0, -2.0], dtype=torch.float64))


def test_a_scaled_face_lies_on_the_same_parts_of_the_photo(face):
    """Pixel centres are at integers: a photo of twice the size has the old pixel 0 at 0 and 1, centre 0.5."""
    assert face.scaled(2).box == (20.5, 40.5, 100.5, 160.5)
    torch.testing.assert_close(face.scaled(2).scaled(0.5).points(), face.points())


def test_a_mirrored_face_has_its_left_eye_on_the_left(face):
    mirrored = face.mirrored(100)
    assert mirrored.landmarks[0] == (59, 41) and mirrored.landmarks[3] == (60, 61)
    assert mirrored.box == (49, 20, 89, 80) and mirrored.mirrored(100) == face


def test_a_record_is_plain_json_with_exact_landmarks(face):
    record = face.moved(1 / 3, 0).record()
    assert record["box"] == [10.33, 20, 50.33, 80] and record["score"] == 0.9877
    assert record["landmarks"][0] == [20 + 1 / 3, 40.0]


def test_a_face_from_landmarks_has_the_box_of_a_detector(sample_faces):
    for found in sample_faces:
        made = faces.from_landmarks(found.points())
        assert made.landmarks == found.landmarks and faces.overlap(made.box, found.box) > 0.6


def test_the_match_is_the_face_that_overlaps_most(face):
    near, far = face.moved(4, 0), face.moved(12, 0)
    assert faces.match(face, [far, near]) is near
    assert faces.match(face, [face.moved(500, 0)]) is None is faces.match(face, [])
    assert faces.match(face, [far], least=0.9) is None
