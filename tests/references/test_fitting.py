"""A warp brings landmarks where they are wanted, and is smooth in between."""

import torch

from deid.photo.alignment import DCGAN_FRAME
from deid.references import fitting

POINTS = DCGAN_FRAME.resized(128).points().float()


def dots(points: torch.Tensor) -> torch.Tensor:
    """A soft dot at each of the points, (1, 5, 128, 128)."""
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    away = (x - points[:, 0, None, None]) ** 2 + (y - points[:, 1, None, None]) ** 2
    return torch.exp(-away / 18)[None]


def centres(images: torch.Tensor) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    weight = images[0] / images[0].sum((1, 2), keepdim=True)
    return torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], 1)


def test_nothing_moves_where_the_landmarks_agree():
    images = torch.rand(1, 3, 128, 128)
    torch.testing.assert_close(fitting.warp(images, POINTS, POINTS), images, rtol=0, atol=1e-4)


def test_landmarks_arrive_where_they_are_wanted():
    moves = torch.tensor([[-4.0, 3], [5, -2], [3, 4], [-3, 5], [4, 4]])
    arrived = centres(fitting.warp(dots(POINTS), POINTS, POINTS + moves))
    assert (arrived - (POINTS + moves)).norm(dim=1).max() < 0.15 * moves.norm(dim=1).max() + 0.5


def test_what_is_far_from_every_landmark_stays():
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    places = torch.stack([x, y])[None]  # each pixel says where it came from
    moved = (fitting.warp(places, POINTS, POINTS + 4) - places).norm(dim=1)[0]
    assert moved[:4, :4].max() < 0.6 < 4 < moved[60:70, 60:70].min()


def test_a_mirrored_face_has_its_left_eye_on_the_left():
    images, landmarks = dots(POINTS), (POINTS + 0.5) / 128
    turned, places = fitting.mirror(images, landmarks)
    assert torch.equal(turned, images.flip(3)) and places[0, 0] < places[1, 0] and places[3, 0] < places[4, 0]
    torch.testing.assert_close(fitting.mirror_landmarks(places), landmarks)
