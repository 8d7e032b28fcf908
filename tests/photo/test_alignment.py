"""The frame and the way back: geometry that can be checked by hand."""

import math

import pytest
import torch

from deid.photo import alignment, detection
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face


def turn(degrees: float, scale: float, x: float, y: float) -> torch.Tensor:
    """The similarity (2, 3) that rotates, scales and then moves."""
    a, b = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return torch.tensor([[a, -b, x], [b, a, y]], dtype=torch.float64)


def waves(width: int, height: int) -> torch.Tensor:
    """A smooth photo (1, 3, H, W) in [-1, 1], different everywhere."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return torch.stack([(x / 31).sin(), (y / 23 + x / 50).cos(), ((x + 2 * y) / 61).sin()])[None]


def face_at(matrix: torch.Tensor) -> Face:
    """The face whose landmarks the matrix maps out of the DCGAN frame."""
    points = alignment.apply(matrix, DCGAN_FRAME.points())
    (x1, y1), (x2, y2) = points.min(0).values.tolist(), points.max(0).values.tolist()
    return Face((x1, y1, x2, y2), 1.0, tuple(map(tuple, points.tolist())))


TURNS = [(0, 1, 40, 30), (15, 2.5, 60, 20), (-90, 0.6, 80, 90), (171, 1.3, 150, 140)]


@pytest.mark.parametrize("degrees, scale, x, y", TURNS)
def test_similarity_recovers_a_known_transform(degrees, scale, x, y):
    known = turn(degrees, scale, x, y)
    torch.testing.assert_close(DCGAN_FRAME.matrix(face_at(known)), known, rtol=0, atol=1e-10)
    assert alignment.scale(known) == pytest.approx(scale)
    there = alignment.apply(known, DCGAN_FRAME.points())
    torch.testing.assert_close(
        alignment.apply(alignment.invert(known), there), DCGAN_FRAME.points(), rtol=0, atol=1e-10
    )


def test_similarity_is_the_least_squares_one():
    """No nearby similarity brings disturbed points closer."""
    random = torch.Generator().manual_seed(0)
    source = DCGAN_FRAME.points()
    target = alignment.apply(turn(20, 1.5, 5, 5), source) + torch.randn(
        5, 2, generator=random, dtype=torch.float64
    )
    best = alignment.similarity(source, target)

    def error(a: float, b: float, x: float, y: float) -> float:
        matrix = torch.tensor([[a, -b, x], [b, a, y]], dtype=torch.float64)
        return (alignment.apply(matrix, source) - target).square().sum().item()

    a, b, x, y = best[0, 0].item(), best[1, 0].item(), best[0, 2].item(), best[1, 2].item()
    for da, db, dx, dy in torch.eye(4).mul(0.01).tolist() + torch.eye(4).mul(-0.01).tolist():
        assert error(a + da, b + db, x + dx, y + dy) > error(a, b, x, y)


def test_similarity_never_mirrors():
    mirrored = DCGAN_FRAME.points() * torch.tensor([-1.0, 1.0])
    assert torch.linalg.det(alignment.similarity(DCGAN_FRAME.points(), mirrored)[:, :2]) >= 0


def test_coinciding_landmarks_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        alignment.similarity(torch.zeros(5, 2), DCGAN_FRAME.points())


def test_crop_of_whole_pixels_is_the_photo_itself():
    photo = torch.rand(1, 3, 40, 50)
    assert torch.allclose(alignment.crop(photo, turn(0, 1, 7, 5), 16), photo[..., 5:21, 7:23], atol=1e-4)


def test_landmarks_land_on_the_template(sample, sample_faces):
    """Detected again in the crop, the landmarks stand where the frame says, within 4 % of the side."""
    frame = DCGAN_FRAME.resized(256)
    for face in sample_faces:
        crop = alignment.crop(sample.pixels, frame.matrix(face), 256)
        (again,) = detection.detect(crop)[0]
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
    """Absolute differences inside the frame, two pixels in, between the photo and its crop pasted back."""
    height, width = photo.shape[2:]
    region = left, top, right, bottom = alignment.paste_region(matrix, size, (width, height))
    back = alignment.paste(alignment.crop(photo, matrix, size), matrix, region)
    assert back.shape[2:] == (bottom - top, right - left)
    y, x = torch.meshgrid(torch.arange(top, bottom), torch.arange(left, right), indexing="ij")
    inside = alignment.apply(alignment.invert(matrix), torch.stack([x, y], -1).reshape(-1, 2)).reshape(
        *x.shape, 2
    )
    inside = ((inside > 2) & (inside < size - 3)).all(-1)
    return (back - photo[..., top:bottom, left:right]).abs()[..., inside]


def test_paste_region_covers_the_frame_and_stays_in_the_photo():
    assert alignment.paste_region(turn(0, 1, 10, 20), 64, (200, 200), margin=0) == (9, 19, 75, 85)
    left, top, right, bottom = alignment.paste_region(turn(30, 2, -20, 150), 64, (200, 200))
    assert 0 <= left < right <= 200 and 0 <= top < bottom <= 200
    left, top, right, bottom = alignment.paste_region(turn(0, 1, 500, 500), 64, (200, 200))
    assert left == right and top == bottom


@pytest.mark.parametrize("scale", [2, 3.3, 4, 9.5])
@pytest.mark.parametrize("degrees", [0, 15])
def test_shrinking_does_not_alias(scale, degrees):
    """A checkerboard finer than the frame's pixels is grey there, not a new pattern."""
    y, x = torch.meshgrid(torch.arange(800), torch.arange(800), indexing="ij")
    board = ((x + y) % 2 * 2.0 - 1).expand(1, 3, 800, 800)
    assert alignment.crop(board, turn(degrees, scale, 200, 10), 48).abs().max() < 0.1


def test_beyond_the_border_the_photo_is_reflected():
    photo = torch.arange(30.0).reshape(1, 1, 1, 30).expand(1, 3, 30, 30)
    crop = alignment.crop(photo, turn(0, 1, -4, 10), 10)
    assert torch.allclose(crop[0, 0, 0], torch.tensor([4.0, 3, 2, 1, 0, 1, 2, 3, 4, 5]), atol=1e-3)


def test_square_matrix_is_the_box_cut_out_and_shrunk():
    """The original study's framing, against slicing and averaging by hand."""
    photo = torch.rand(1, 3, 300, 300)
    face = Face(
        (40.0, 60.0, 168.0, 220.0), 1.0, ((0.0, 0.0),) * 5
    )  # 128 wide, 160 high: 16 rows go at either end
    expected = torch.nn.functional.avg_pool2d(photo[..., 76:204, 40:168], 2)
    assert torch.allclose(alignment.crop(photo, alignment.square_matrix(face, 64), 64), expected, atol=1e-3)


def test_overrun_is_a_share_of_the_side():
    assert alignment.overrun(turn(0, 2, 0.5, 0.5), 64, (128, 128)) == pytest.approx(0, abs=1e-9)
    assert alignment.overrun(turn(0, 2, -31.5, 0.5), 64, (128, 128)) == pytest.approx(0.25)
    assert alignment.overrun(turn(0, 1, 50, 90), 64, (128, 128)) == pytest.approx((90 + 64 - 128) / 64)
    tilted = turn(45, 1, 100, 20)  # its lowest corner hangs a diagonal below its top
    assert alignment.overrun(tilted, 64, (400, 60)) > 0.5


def test_a_grid_is_mapped_like_its_points():
    matrix, x, y = turn(33, 1.7, 5, -8), torch.arange(4.0).double(), torch.arange(3.0).double() - 1
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    wanted = alignment.apply(matrix, torch.stack([columns, rows], -1).reshape(-1, 2)).reshape(3, 4, 2)
    assert torch.allclose(alignment.positions(matrix, x, y), wanted, atol=1e-12)
