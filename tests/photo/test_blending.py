"""Blending: Poisson against equations whose answer is known, and edges that never reach into the hole."""

import pytest
import torch
from scipy.ndimage import gaussian_filter

from deid.photo import blending


def disc(size: int = 64, radius: float = 18) -> torch.Tensor:
    steps = torch.arange(size) - (size - 1) / 2
    return (steps[:, None].square() + steps[None].square() > radius**2).float()[None, None]


def ramp(size: int = 64) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(-0.6, 0.6, size), torch.linspace(-0.5, 0.5, size), indexing="ij")
    return torch.stack([x, y, (x + y) / 2])[None]


def test_poisson_recovers_a_constant_and_a_linear_shift_exactly():
    """A constant and a ramp are harmonic: a fill that is off by them is corrected completely."""
    texture = 0.2 * torch.sin(torch.arange(64.0) / 3).expand(1, 3, 64, 64)
    for shift in (torch.full((1, 3, 64, 64), 0.25), 0.4 * ramp()):
        blended = blending.poisson(texture, texture + shift, disc())
        assert torch.allclose(blended, texture + shift, atol=1e-5)


def test_poisson_preserves_the_fills_gradients_and_the_visible_pixels():
    fill = 0.3 * torch.sin(torch.arange(64.0) / 2).expand(1, 3, 64, 64)
    crop, visible = ramp(), disc()
    blended = blending.poisson(fill, crop, visible)
    assert torch.equal(blended * visible, crop * visible)
    laplace = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).expand(3, 1, 3, 3)
    difference = torch.nn.functional.conv2d(blended - fill, laplace, groups=3)
    assert difference[..., 16:46, 25:37].abs().max() < 1e-4, "inside the hole the correction is harmonic"


def test_poisson_never_reads_hidden_pixels_of_the_crop():
    visible = disc()
    noisy = torch.where(visible > 0.5, ramp(), torch.randn(1, 3, 64, 64))
    fill = torch.zeros(1, 3, 64, 64)
    assert torch.equal(blending.poisson(fill, ramp(), visible), blending.poisson(fill, noisy, visible))
    assert torch.equal(
        blending.match_colour(fill, ramp(), visible), blending.match_colour(fill, noisy, visible)
    )


def test_poisson_with_nothing_or_everything_hidden():
    fill, crop = torch.full((1, 3, 64, 64), 0.1), ramp()
    assert torch.equal(blending.poisson(fill, crop, torch.ones(1, 1, 64, 64)), crop)
    assert torch.allclose(blending.poisson(fill, crop, torch.zeros(1, 1, 64, 64)), fill)


def test_colour_match_ignores_a_strand_of_hair():
    visible, crop = disc(), torch.full((1, 3, 64, 64), 0.4)
    crop[..., 10:16] = -1  # a dark strand across a small part of the ring
    matched = blending.match_colour(torch.zeros(1, 3, 64, 64), crop, visible)
    assert torch.allclose(matched, torch.full_like(matched, 0.4), atol=1e-6)


def test_soft_edge_is_one_in_the_hole_and_falls_outside_only():
    hidden = 1 - disc()
    alpha = blending.soft_edge(hidden, 2.0)
    assert (alpha[hidden > 0.5] == 1).all()
    row = alpha[0, 0, 32, 32:]
    assert (row.diff() <= 1e-6).all()
    assert row[-1] == 0
    assert 0.05 < row[20] < 0.95, "just outside the edge it is in between"


def test_an_edge_behind_the_hole_does_not_bleed_in():
    """Skin beside a bright sky: the correction stays within the limit."""
    crop = torch.full((1, 3, 64, 64), 1.0)
    blended = blending.poisson(torch.zeros(1, 3, 64, 64), crop, disc(), limit=0.3)
    assert blended[0, 0, 32, 32] == pytest.approx(0.3, abs=1e-5)


def test_seam_continues_the_surroundings_and_reads_nothing_hidden():
    """A fill that is off by a constant is lifted to its surroundings at the rim, and left alone inside."""
    hidden = torch.zeros(1, 1, 120, 120)
    hidden[..., 20:100, 20:100] = 1
    area, drawn = torch.full((1, 3, 120, 120), 0.4), torch.full((1, 3, 120, 120), 0.3)
    known = 1 - hidden
    fitted = blending.seam(drawn, area, hidden, known)
    assert fitted[0, 0, 60, 20].item() == pytest.approx(0.4, abs=0.01)
    assert fitted[0, 0, 60, 60].item() == pytest.approx(0.3, abs=1e-6)
    assert fitted[0, 0, 60, 19].item() == pytest.approx(0.4, abs=1e-6), "no step where the hole ends"
    noisy = torch.where(hidden > 0.5, torch.rand(area.shape), area)
    assert torch.equal(blending.seam(drawn, noisy, hidden, known), fitted)
    # What is another face's hole says nothing: there the fill stays as it was drawn.
    known[..., :20, :] = 0
    assert blending.seam(drawn, area, hidden, known)[0, 0, 20, 60].item() == pytest.approx(0.3, abs=0.01)


def test_seam_leaves_an_edge_of_the_picture_alone():
    """Skin beside a bright sky does not become pale along it."""
    hidden = torch.zeros(1, 1, 120, 120)
    hidden[..., 20:100, 20:100] = 1
    drawn, sky = torch.full((1, 3, 120, 120), 0.1), torch.full((1, 3, 120, 120), 0.9)
    assert torch.equal(blending.seam(drawn, sky, hidden, 1 - hidden), drawn)


def test_a_smooth_rim_removes_specks_and_leaves_the_face():
    visible = torch.ones(1, 1, 64, 64)
    visible[..., 16:48, 16:48] = 0
    plain = torch.linspace(-0.5, 0.5, 64).expand(1, 3, 64, 64).clone()
    specked = plain.clone()
    specked[..., 46, 20:44:3] = -1.0  # within the rim
    specked[..., 32, 32] = 0.9  # in the middle: the face's own
    smooth = blending.smooth_rim(specked, visible, share=0.05)
    assert (smooth[..., 44:50, :] - plain[..., 44:50, :]).abs().max() < 0.05, (
        "the specks are gone, the slope stays"
    )
    assert smooth[0, 0, 32, 32] == specked[0, 0, 32, 32]
    assert torch.equal(smooth * visible, specked * visible), "what is visible stays"


@pytest.mark.parametrize("deviation", [0.4, 2.0, 30.0])
@pytest.mark.parametrize("height", [71, 171])
def test_a_blur_is_the_convolution_with_a_gaussian(deviation, height):
    """Against scipy, on a small image and one that is no multiple of a strip, both narrower than the blur."""
    images = torch.rand(2, 3, height, 45, generator=torch.Generator().manual_seed(0))
    reach = max(1, round(3 * deviation))
    around = (0, 0, deviation, deviation)
    wanted = gaussian_filter(images.double().numpy(), around, mode="nearest", radius=(0, 0, reach, reach))
    assert (blending.gaussian(images, deviation) - torch.from_numpy(wanted)).abs().max() < 2e-6


def test_a_bridge_meets_what_lies_around_and_reads_nothing_missing():
    missing = disc(radius=10)[0, 0] < 0.5
    image = ramp()
    noise = torch.where(missing, torch.rand(1, 3, 64, 64), image)
    assert torch.allclose(blending.bridged(noise, missing), image, atol=1e-5), "a ramp is harmonic"
    assert torch.equal(blending.bridged(noise, torch.ones_like(missing)), noise)
