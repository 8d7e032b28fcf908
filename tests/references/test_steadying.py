"""An even light: what lies behind a face does not shine through it, light from one side stays."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.blending import gaussian
from deid.references.refining import SIDE
from deid.references.steadying import steadied

POINTS = DCGAN_FRAME.resized(SIDE).points()
WEIGHT = 1 - masks.frame_mask("face", POINTS, SIDE)
SKIN, SKY = (torch.tensor(colour)[None, :, None, None] for colour in ((0.3, 0.0, -0.2), (0.6, 0.8, 1.0)))
INSIDE = WEIGHT[0, 0] > 0.5


@pytest.fixture
def picture():
    """A reference with the detail of skin."""
    grain = 0.05 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return (SKIN + grain).clamp(-1, 1)


@pytest.fixture
def cheek():
    """How much of the sky a network has drawn into the far cheek."""
    spot = torch.zeros(1, 1, SIDE, SIDE)
    row, column = round(float(POINTS[3, 1])), INSIDE[round(float(POINTS[3, 1]))].nonzero()[0]
    spot[..., row - 10 : row + 10, int(column) : int(column) + 12] = 1
    return gaussian(spot, 2.0) * WEIGHT


def test_the_sky_does_not_shine_through_a_cheek(picture, cheek):
    drawn = picture + cheek * (SKY - SKIN)
    made = steadied(drawn, picture, WEIGHT)
    spot = (cheek[0, 0] > 0.7) & INSIDE
    off = [(part - picture)[..., spot].abs().mean() for part in (drawn, made)]
    assert off[1] < 0.55 * off[0]
    blue = [(part[0, 2, spot] - part[0, 0, spot]).mean() for part in (drawn, made, picture)]
    assert blue[0] > 0 > blue[1] and blue[1] - blue[2] < 0.4 * (blue[0] - blue[2])


def test_light_from_one_side_stays(picture):
    """As does another skin: a network's tone for the whole face is not touched."""
    across = torch.linspace(-0.9, 0.9, SIDE)
    drawn = picture + across - 0.1
    made = steadied(drawn, picture, WEIGHT)
    assert (made - drawn)[..., INSIDE].abs().mean() < 0.03
    cooler = picture + torch.tensor([-0.1, 0.0, 0.15])[None, :, None, None]
    assert (steadied(cooler, picture, WEIGHT) - cooler)[..., INSIDE].abs().mean() < 0.02


def test_in_the_dark_everything_varies_less(picture, cheek):
    dark = (picture + 1) * 0.1 - 1
    made = steadied(dark + cheek * 0.3, dark, WEIGHT)
    assert (made - dark)[..., INSIDE].abs().max() < 0.5 * 0.3


def test_where_nothing_is_shown_nothing_is_done(picture):
    assert torch.equal(steadied(picture, picture, torch.zeros_like(WEIGHT)), picture)
