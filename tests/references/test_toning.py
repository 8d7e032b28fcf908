"""A drawn face takes the tone of the skin around it, not that of hair, walls or a collar."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import toning
from deid.references.toning import toned

SIZE = 128
SKIN = torch.tensor([0.3, -0.05, -0.25])[None, :, None, None].expand(1, 3, SIZE, SIZE)
REDDER = SKIN + torch.tensor([0.06, -0.03, -0.03])[None, :, None, None]


@pytest.fixture
def regions():
    points = DCGAN_FRAME.resized(SIZE).points()
    return masks.frame_mask("face", points, SIZE), 1 - masks.frame_mask("face-80", points, SIZE)


def change(made, drawn, weight):
    """How much the face moved, by colours."""
    return ((made - drawn) * weight).sum((0, 2, 3)) / weight.sum()


def test_a_face_gets_the_tone_of_the_skin_around_it(regions):
    moved = change(toned(SKIN, REDDER, *regions), SKIN, regions[1])
    assert moved[0] > 0.03 and moved[1] < -0.015


@pytest.mark.parametrize("beside", [(-0.9, -0.9, -0.9), (0.9, 0.95, 1.0), (-0.4, 0.2, 0.8)])
def test_what_is_no_skin_does_not_count(regions, beside):
    other = torch.tensor(beside)[None, :, None, None].expand_as(SKIN)
    assert change(toned(SKIN, other, *regions), SKIN, regions[1]).abs().max() < 0.008


def test_hair_of_the_colour_of_skin_does_not_count(regions):
    """It is not smooth."""
    strands = 0.35 * torch.randn(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    moved = change(toned(SKIN, (REDDER + strands).clamp(-1, 1), *regions), SKIN, regions[1])
    assert moved.abs().max() < 0.01


def test_a_forehead_counts_more_than_a_wall_beside_the_jaw(regions):
    """Both are much like the face: one redder, one less red."""
    upper = torch.arange(SIZE)[:, None] < SIZE // 2
    frame = torch.where(upper, REDDER, 2 * SKIN - REDDER)
    assert change(toned(SKIN, frame, *regions), SKIN, regions[1])[0] > 0.005


def test_hidden_pixels_do_not_matter(regions):
    other = torch.where(regions[0] > 0.5, REDDER, -REDDER)
    assert torch.equal(*(toned(SKIN, frame, *regions) for frame in (REDDER, other)))


def test_a_forehead_may_differ_by_more(regions, monkeypatch):
    """Its sheen is carried on, where as much of a difference beside a jaw is a collar."""
    pale = SKIN + torch.tensor([0.2, 0.25, 0.35])[None, :, None, None]
    upper = torch.arange(SIZE)[:, None] < SIZE // 2
    moved = []
    for sector in (upper, ~upper):
        frame = torch.where(sector, pale, SKIN)
        for more in (1.0, toning.MORE):
            with monkeypatch.context() as patched:
                patched.setattr(toning, "MORE", more)
                moved.append(change(toned(SKIN, frame, *regions), SKIN, regions[1])[2].item())
    assert moved[1] > 1.2 * moved[0] and moved[3] == pytest.approx(moved[2], abs=1e-4)
