"""A fill as sharp and grainy as its surroundings: measured on visible pixels only."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import blending, texture


@pytest.fixture
def scene():
    """A grainy, detailed photo, a soft patch for its middle, the hole, and what is known."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 60, 60, generator=random) - 0.5
    grain = 0.05 * torch.randn(1, 3, 240, 240, generator=random)
    photo = F.interpolate(coarse, scale_factor=4.0, mode="bicubic") + grain
    soft = F.interpolate(F.avg_pool2d(photo, 8), scale_factor=8.0, mode="bicubic")
    hidden = F.pad(torch.ones(1, 1, 120, 120), (60,) * 4)
    return photo, soft, hidden


def pasted(photo, fill, hidden):
    return torch.where(hidden > 0.5, fill, photo)


def test_a_soft_patch_becomes_as_sharp_as_its_surroundings(scene):
    photo, soft, hidden = scene
    before = texture.sharpness_ratio(pasted(photo, soft, hidden), hidden)
    fill = texture.match(soft, photo, hidden, 1 - hidden, scale=8, seed=0)
    after = texture.sharpness_ratio(pasted(photo, fill, hidden), hidden)
    assert before < 0.4
    assert 0.75 < after < 1.25
    assert texture.sharpness_ratio(photo, hidden) == pytest.approx(1, abs=0.1)


def test_a_face_is_no_sharper_than_the_edges_around_it(scene):
    """One that is crisp in a blurred photo is softened; a soft one stays as it is."""
    photo, _, hidden = scene
    blurred = blending.gaussian(photo, 3.0)
    softer = texture.soften(photo, blurred, hidden, 1 - hidden)
    ratios = [texture.sharpness_ratio(pasted(blurred, each, hidden), hidden) for each in (photo, softer)]
    assert ratios[1] < 0.6 * ratios[0]
    same = texture.soften(blurred, photo, hidden, 1 - hidden)
    assert (same - blurred).abs().max() < 0.03
    noise = torch.where(hidden > 0.5, torch.rand_like(photo), blurred)
    assert torch.equal(softer, texture.soften(photo, noise, hidden, 1 - hidden)), (
        "hidden pixels do not matter"
    )


def test_hidden_pixels_never_matter_and_the_seed_does(scene):
    photo, soft, hidden = scene
    fill = texture.match(soft, photo, hidden, 1 - hidden, 8, seed=0)
    noise = torch.where(hidden > 0.5, torch.rand_like(photo), photo)
    assert torch.equal(fill, texture.match(soft, noise, hidden, 1 - hidden, 8, seed=0))
    assert not torch.equal(fill, texture.match(soft, photo, hidden, 1 - hidden, 8, seed=1))


def test_nothing_is_added_where_the_photo_is_clean_or_the_fill_was_shrunk(scene):
    photo, soft, hidden = scene
    smooth = soft.clone()
    clean = texture.match(soft, smooth, hidden, 1 - hidden, 8, seed=0)
    assert (clean - soft).abs().mean() < 0.02
    assert texture.match(soft, photo, hidden, 1 - hidden, 0.8, seed=0) is soft
    assert texture.match(soft, photo, torch.ones_like(hidden), 0 * hidden, 8, seed=0) is soft, (
        "nothing to look at"
    )
