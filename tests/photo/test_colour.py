"""Lab: known colours have their published coordinates. Light: the dark can be made bright, and dark again."""

import pytest
import torch

from deid.photo.colour import exposed, exposure, lab


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


def test_a_dark_photo_is_brightened_as_much_as_it_needs_and_others_are_left():
    visible = torch.ones(2, 1, 8, 8)
    bright = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    assert torch.equal(exposure(bright, visible), torch.ones(2, 1, 1, 1))
    dark = (bright + 1) * 0.1 - 1
    gain = exposure(dark, visible)
    assert (gain > 3).all()
    assert torch.allclose(exposed(exposed(dark, gain), 1 / gain), dark, atol=1e-5)


def test_black_hair_in_ordinary_light_is_no_dark_photo():
    """Made brighter, the skin in the hole would be white, and grey once it is darkened again."""
    hair = torch.full((1, 3, 20, 20), -0.9)
    hair[..., 18:, :10] = 0.1  # a little skin of the neck
    assert exposure(hair, torch.ones(1, 1, 20, 20)) == 1


def test_what_is_hidden_says_nothing_about_the_light():
    visible = torch.zeros(1, 1, 8, 8)
    visible[..., :4] = 1
    dark = torch.full((1, 3, 8, 8), -0.95)
    lamp = torch.where(visible > 0.5, dark, torch.ones_like(dark))
    assert torch.equal(exposure(dark, visible), exposure(lamp, visible))
    assert exposure(dark, torch.zeros_like(visible)).isfinite().all()
