"""Brows are no darker than the hair that is seen allows; whatever else there is of a face stays."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.colour import light
from deid.references import brows

SIDE = 256
SKIN, BLACK, FAIR = (0.5, 0.2, 0.05), (-0.75, -0.8, -0.8), (0.35, 0.15, -0.35)
POINTS = DCGAN_FRAME.resized(SIDE).points().float()


def plain(colour):
    return torch.tensor(colour)[None, :, None, None].expand(1, 3, SIDE, SIDE).clone()


@pytest.fixture
def face():
    """Skin with two black brows and two black eyes."""
    drawn = plain(SKIN)
    for x, y in POINTS[:2].round().int().tolist():
        drawn[..., y - 20 : y - 13, x - 18 : x + 18] = torch.tensor(BLACK)[:, None, None]
        drawn[..., y - 3 : y + 4, x - 4 : x + 5] = torch.tensor(BLACK)[:, None, None]
    return drawn


@pytest.fixture
def visible():
    return masks.frame_mask("forehead", POINTS.double(), SIDE)


def brow(image):
    x, y = POINTS[0].round().int().tolist()
    return light(image)[0, 0, y - 17, x].item()


@pytest.mark.parametrize(("hair", "least", "most"), [(FAIR, 0.3, 0.5), (BLACK, 0.1, 0.12)])
def test_they_are_as_dark_as_the_hair_allows(face, visible, hair, least, most):
    made = brows.faded(face, plain(hair), visible, POINTS)
    assert least < brow(made) < most
    assert brow(made) < light(plain(SKIN)).max() - 0.15, "they are still there"


def test_eyes_cheeks_and_mouth_stay(face, visible):
    made = brows.faded(face, plain(FAIR), visible, POINTS)
    eyes = int(POINTS[:2, 1].mean())
    assert torch.allclose(made[..., eyes:, :], face[..., eyes:, :], atol=0.02)


def test_a_bald_head_says_little_of_its_brows(face, visible):
    made = brows.faded(face, plain(SKIN), visible, POINTS)
    assert brow(face) < brow(made) < brow(brows.faded(face, plain(FAIR), visible, POINTS))


def test_hidden_pixels_are_not_looked_at(face, visible):
    frames = [torch.where(visible > 0.5, plain(FAIR), tone) for tone in (-1.0, 1.0)]
    first, second = (brows.faded(face, frame, visible, POINTS) for frame in frames)
    assert torch.equal(first, second)


def test_where_nothing_is_seen_of_hair_they_are_brown(face, visible):
    made = brows.faded(face, plain(FAIR), torch.zeros_like(visible), POINTS)
    assert brow(face) < brow(made) < brow(brows.faded(face, plain(FAIR), visible, POINTS))
