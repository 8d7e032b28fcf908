"""Lab: known colours have their published coordinates."""

import pytest
import torch

from deid.photo.colour import lab


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.2, 80.1, 67.2)),
        ((0, 0, 255), (32.3, 79.2, -107.9)),
        ((119, 119, 119), (50.0, 0.0, 0.0)),
    ],
)
def test_known_colours_have_their_coordinates(levels, wanted):
    pixels = torch.tensor(levels).float().view(1, 3, 1, 1) / 127.5 - 1
    assert lab(pixels).flatten().tolist() == pytest.approx(wanted, abs=0.3)


def test_every_pixel_by_itself():
    pixels = torch.rand(2, 3, 4, 5) * 2 - 1
    assert torch.allclose(lab(pixels)[1:, :, 2:3, 3:4], lab(pixels[1:, :, 2:3, 3:4]), atol=1e-4)
