"""Geometry that can be checked by hand, and the detector on the photo that ships."""

import math

import pytest
import torch

from deid import faces
from deid.faces import DCGAN_FRAME, Face


def turn(degrees: float, scale: float, x: float, y: float) -> torch.Tensor:
    """The similarity (2, 3) that rotates, scales and then moves."""
    a, b = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return torch.tensor([[a, -b, x], [b, a, y]], dtype=torch.float64)


def waves(width: int, height: int) -> torch.Tensor:
    """A smooth photo (1, 3, H, W) in [-1, 1], different everywhere."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return torch.stack([(x / 31).sin(), (y / 23 + x / 50).cos(), ((x + 2 * y) / 61).sin()])[None]


def face_at(matrix: torch.Tensor) -> Face:
    """The face whose landmarks the matrix takes out of the DCGAN frame."""
    points = faces.apply(matrix, DCGAN_FRAME.points())
    (x1, y1), (x2, y2) = points.min(0).values.tolist(), points.max(0).values.tolist()
    return Face((x1, y1, x2, y2), 1.0, tuple(map(tuple, points.tolist())))


TURNS = [(0, 1, 40, 30), (15, 2.5, 60, 20), (-90, 0.6, 80, 90), (171, 1.3, 150, 140)]


@pytest.mark.parametrize("degrees, scale, x, y", TURNS)
def test_similarity_recovers_a_known_transform(degrees, scale, x, y):
    known = turn(degrees, scale, x, y)
    torch.testing.assert_close(DCGAN_FRAME.matrix(face_at(known)), known, rtol=0, atol=1e-10)
    assert faces.scale(known) == pytest.approx(scale)
    there = faces.apply(known, DCGAN_FRAME.points())
    torch.testing.assert_close(faces.apply(faces.invert(known), there), DCGAN_FRAME.points(), rtol=0, atol=1e-10)


def test_similarity_is_the_least_squares_one():
    """No nearby similarity brings disturbed points closer."""
    random = torch.Generator().manual_seed(0)
    source = DCGAN_FRAME.points()
    target = faces.apply(turn(20, 1.5, 5, 5), source) + torch.randn(5, 2, generator=random, dtype=torch.float64)
    best = faces.similarity(source, target)

    def error(a: float, b: float, x: float, y: float) -> float:
        matrix = torch.tensor([[a, -b, x], [b, a, y]], dtype=torch.float64)
        return (faces.apply(matrix, source) - target).square().sum().item()

    a, b, x, y = best[0, 0].item(), best[1, 0].item(), best[0, 2].item(), best[1, 2].item()
    for da, db, dx, dy in torch.eye(4).mul(0.01).tolist() + torch.eye(4).mul(-0.01).tolist():
        assert error(a + da, b + db, x + dx, y + dy) > error(a, b, x, y)


def test_similarity_never_mirrors():
    mirrored = DCGAN_FRAME.points() * torch.tensor([-1.0, 1.0])
    assert torch.linalg.det(faces.similarity(DCGAN_FRAME.points(), mirrored)[:, :2]) >= 0


def test_coinciding_landmarks_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        faces.similarity(torch.zeros(5, 2), DCGAN_FRAME.points())


def test_crop_of_whole_pixels_is_the_photo_itself():
    photo = torch.rand(1, 3, 40, 50)
    assert torch.allclose(faces.crop(photo, turn(0, 1, 7, 5), 16), photo[..., 5:21, 7:23], atol=1e-4)


def test_landmarks_land_on_the_template(sample, sample_faces):
    """Detected again in the crop, the landmarks stand where the frame says, within 4 % of the side."""
    frame = DCGAN_FRAME.resized(256)
    for face in sample_faces:
        crop = faces.crop(sample.pixels, frame.matrix(face), 256)
        (again,) = faces.detect(crop)[0]
        assert (again.points() - frame.points()).norm(dim=1).max() < 0.04 * 256
        eyes = again.points()[1] - again.points()[0]
        assert abs(math.degrees(math.atan2(eyes[1], eyes[0]))) < 3  # the tilted head stands upright


@pytest.mark.parametrize(
    "degrees, scale, x, y", [(0, 1, 40, 30), (15, 1.7, 60, 20), (-40, 0.8, 50, 90), (171, 1.3, 150, 140)]
)
def test_paste_is_the_inverse_of_crop(degrees, scale, x, y):
    photo, matrix = waves(240, 200), turn(degrees, scale, x, y)
    errors = round_trip_errors(photo, matrix)
    assert errors.numel() > 1000 and errors.max() < 0.02


@pytest.mark.parametrize("x, y", [(-30, 50), (200, 50), (60, -30), (60, 170), (-25, -25)])
def test_paste_is_the_inverse_of_crop_at_the_border(x, y):
    """The frame leaves the photo: what is inside still comes back to its place."""
    errors = round_trip_errors(waves(240, 200), turn(10, 1, x, y))
    assert errors.numel() > 500 and errors.max() < 0.02


def round_trip_errors(photo: torch.Tensor, matrix: torch.Tensor, size: int = 64) -> torch.Tensor:
    """Absolute differences inside the frame (two pixels in) between the photo and its own crop pasted back."""
    height, width = photo.shape[2:]
    region = left, top, right, bottom = faces.paste_region(matrix, size, (width, height))
    back = faces.paste(faces.crop(photo, matrix, size), matrix, region)
    assert back.shape[2:] == (bottom - top, right - left)
    y, x = torch.meshgrid(torch.arange(top, bottom), torch.arange(left, right), indexing="ij")
    inside = faces.apply(faces.invert(matrix), torch.stack([x, y], -1).reshape(-1, 2)).reshape(*x.shape, 2)
    inside = ((inside > 2) & (inside < size - 3)).all(-1)
    return (back - photo[..., top:bottom, left:right]).abs()[..., inside]


def test_paste_region_covers_the_frame_and_stays_in_the_photo():
    assert faces.paste_region(turn(0, 1, 10, 20), 64, (200, 200), margin=0) == (9, 19, 75, 85)
    left, top, right, bottom = faces.paste_region(turn(30, 2, -20, 150), 64, (200, 200))
    assert 0 <= left < right <= 200 and 0 <= top < bottom <= 200
    left, top, right, bottom = faces.paste_region(turn(0, 1, 500, 500), 64, (200, 200))
    assert left == right and top == bottom


@pytest.mark.parametrize("scale", [2, 3.3, 4, 9.5])
@pytest.mark.parametrize("degrees", [0, 15])
def test_shrinking_does_not_alias(scale, degrees):
    """A checkerboard finer than the frame's pixels is grey there, not a new pattern."""
    y, x = torch.meshgrid(torch.arange(800), torch.arange(800), indexing="ij")
    board = ((x + y) % 2 * 2.0 - 1).expand(1, 3, 800, 800)
    assert faces.crop(board, turn(degrees, scale, 200, 10), 48).abs().max() < 0.1


def test_beyond_the_border_the_photo_is_reflected():
    photo = torch.arange(30.0).reshape(1, 1, 1, 30).expand(1, 3, 30, 30)
    crop = faces.crop(photo, turn(0, 1, -4, 10), 10)
    assert torch.allclose(crop[0, 0, 0], torch.tensor([4.0, 3, 2, 1, 0, 1, 2, 3, 4, 5]), atol=1e-3)


def test_square_matrix_is_the_box_cut_out_and_shrunk():
    """The original study's framing, against slicing and averaging by hand."""
    photo = torch.rand(1, 3, 300, 300)
    face = Face((40.0, 60.0, 168.0, 220.0), 1.0, ((0.0, 0.0),) * 5)  # 128 wide, 160 high: 16 rows go at either end
    expected = torch.nn.functional.avg_pool2d(photo[..., 76:204, 40:168], 2)
    assert torch.allclose(faces.crop(photo, faces.square_matrix(face, 64), 64), expected, atol=1e-3)


def test_overrun_is_a_share_of_the_side():
    assert faces.overrun(turn(0, 2, 0.5, 0.5), 64, (128, 128)) == pytest.approx(0, abs=1e-9)
    assert faces.overrun(turn(0, 2, -31.5, 0.5), 64, (128, 128)) == pytest.approx(0.25)
    assert faces.overrun(turn(0, 1, 50, 90), 64, (128, 128)) == pytest.approx((90 + 64 - 128) / 64)
    tilted = turn(45, 1, 100, 20)  # its lowest corner hangs a diagonal below its top
    assert faces.overrun(tilted, 64, (400, 60)) > 0.5


def test_the_sample_photo_has_two_faces(sample, sample_faces):
    found = faces.detect(sample.pixels)[0]
    assert len(found) == 2 and min(face.score for face in found) >= 0.99
    assert found[0].size > found[1].size
    assert faces.detect(sample.pixels, min_score=0.5)[0] == found  # and nothing that only looks like one
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
    (only,) = faces.detect(sample.pixels, min_size=(smaller + larger) / 2)[0]
    assert only.size == pytest.approx(larger, rel=0.1)  # another pyramid, another few pixels
    assert faces.detect(sample.pixels, min_score=1.0)[0] == []


def test_a_batch_is_its_photos_one_by_one(sample):
    blank = torch.zeros_like(sample.pixels)
    one, none = faces.detect(torch.cat([sample.pixels, blank]))
    assert none == [] and len(one) == 2
    for face, alone in zip(one, faces.detect(sample.pixels)[0], strict=True):
        torch.testing.assert_close(face.points(), alone.points(), rtol=0, atol=0.05)


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (18, 18), (19, 19), (20, 60), (24, 24)])
def test_tiny_photos_have_no_faces(size):
    assert faces.detect(torch.rand(1, 3, *size) * 2 - 1) == [[]]


def test_own_boxes_take_the_landmarks_of_what_was_detected(sample_faces):
    left, right = sample_faces
    box = tuple(value + 5 for value in right.box)
    (given,) = faces.from_boxes([box], sample_faces)
    assert given.box == box and given.landmarks == right.landmarks and given.score == right.score


def test_own_boxes_without_detection_get_the_mean_face(sample_faces):
    """On the upright face the guess lies within a tenth of the box of what the detector finds."""
    upright = sample_faces[0]
    (guessed,) = faces.from_boxes([upright.box], [])
    assert guessed.box == upright.box and guessed.score == 1.0
    assert (guessed.points() - upright.points()).norm(dim=1).max() < 0.12 * upright.size
    (elsewhere,) = faces.from_boxes([(600, 400, 650, 460)], sample_faces)
    assert all(600 < x < 650 and 400 < y < 460 for x, y in elsewhere.landmarks)


def test_overlap():
    assert faces.overlap((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert faces.overlap((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert faces.overlap((0, 0, 2, 2), (5, 5, 6, 6)) == 0 == faces.overlap((1, 1, 1, 1), (1, 1, 1, 1))
