"""Enlarging and shrinking are what torch's own interpolation does."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import resampling


@pytest.mark.parametrize(("side", "size"), [(128, 1024), (128, 256), (60, 64), (128, 128)])
def test_an_enlarged_image_is_what_interpolate_makes_of_it(side, size):
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(images, (size, size), mode="bicubic")
    assert (resampling.enlarge(images, size) - wanted).abs().max() < 2e-6


@pytest.mark.parametrize(("side", "size"), [(1024, 128), (256, 64), (150, 64), (64, 64)])
def test_a_shrunk_image_is_what_interpolate_makes_of_it(side, size):
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(images, (size, size), mode="area")
    assert (resampling.shrink(images, size) - wanted).abs().max() < 2e-6


@pytest.mark.parametrize(
    ("height", "width", "factor"), [(64, 96, 8), (50, 36, 4), (31, 40, 2), (33, 45, 6), (9, 9, 1)]
)
def test_reduced_images_are_means_of_blocks_to_the_last_pixel(height, width, factor):
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    wanted = F.avg_pool2d(images, factor, ceil_mode=True, count_include_pad=False)
    assert (resampling.reduced(images, factor) - wanted).abs().max() < 1e-6
    assert torch.equal(images, torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)))
