"""Features of images that were changed in a known way."""

import pytest
import torch

from deid.evaluation import forensics
from deid.photo.blending import gaussian

SIDE = 64


def grainy(count: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return gaussian(0.4 * torch.randn(count, 3, SIDE, SIDE, generator=random), 0.7).clamp(-1, 1)


def hole(count: int) -> torch.Tensor:
    holes = torch.zeros(count, 1, SIDE, SIDE)
    holes[:, :, 20:44, 20:44] = 1
    return holes


def parts(crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What lies around, and how inside and rim differ from it, at the largest size (N, K) each."""
    found = forensics.describe(crops, hole(len(crops)))
    return found[:, : found.shape[1] // forensics.LEVELS].chunk(3, 1)


def test_what_is_softer_inside_shows_inside_and_not_around():
    crops, inside = grainy(4), hole(4)
    softer = torch.where(inside > 0.5, gaussian(crops, 1.0), crops)
    around, within, _ = parts(crops)
    still_around, now_within, _ = parts(softer)
    torch.testing.assert_close(still_around, around)
    first = within[:, 0] - now_within[:, 0]  # log variance of the first residual
    assert (first > 1).all() and within.mean(0)[0].abs() < 0.3


def test_a_seam_shows_along_the_rim_only():
    crops = grainy(4)
    line = torch.zeros(1, 1, SIDE, SIDE)
    line[:, :, 20, 20:44] = 0.8
    before, after = parts(crops), parts((crops + line).clamp(-1, 1))
    moved = [(b - a).abs().max().item() for a, b in zip(before, after, strict=True)]
    assert (
        moved[0] == pytest.approx(0, abs=1e-5) and moved[1] == pytest.approx(0, abs=1e-5) and moved[2] > 0.5
    )


@pytest.mark.parametrize("side", [96, 192])
def test_there_are_as_many_features_at_every_size_and_all_are_numbers(side):
    crops, holes = torch.zeros(2, 3, side, side), torch.zeros(2, 1, side, side)
    holes[1, :, 30:60, 30:60] = 1  # the other one has none
    found = forensics.describe(crops, holes)
    assert found.isfinite().all() and found.shape == forensics.describe(grainy(2), hole(2)).shape
