"""Means over rectangles: the same as shrinking each by itself."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import areas


@pytest.fixture
def images():
    random = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (2, 3, 61, 83), generator=random).float()


@pytest.mark.parametrize("size", [(10, 9), (61, 83), (62, 84), (37, 80)])
def test_images_at_another_size(images, size):
    table = areas.sums(images)
    wanted = F.interpolate(images, size, mode="area")
    torch.testing.assert_close(areas.resized(table, size), wanted, rtol=0, atol=1e-4)
    part = slice(0, 7), slice(3, 500)
    torch.testing.assert_close(areas.resized(table, size, part), wanted[:, :, :7, 3:], rtol=0, atol=1e-4)


def test_rectangles_of_several_images(images):
    boxes = torch.tensor([[0, 0, 83, 61], [5, 7, 6, 8], [40, 2, 80, 60], [1, 50, 30, 61]])
    which = torch.tensor([0, 1, 1, 0])
    found = areas.cropped(areas.sums(images), which, boxes, 24)
    for view, k, (left, top, right, bottom) in zip(found, which.tolist(), boxes.tolist(), strict=True):
        alone = F.interpolate(images[k : k + 1, :, top:bottom, left:right], (24, 24), mode="area")
        torch.testing.assert_close(view[None], alone, rtol=0, atol=1e-4)


def test_a_large_white_photo_is_white():
    """Its sums have more than 31 bits."""
    table = areas.sums(torch.full((1, 3, 3000, 3000), 255.0))
    assert int(table[0, -1, -1, 0]) != 255 * 3000 * 3000
    found = areas.resized(table, (40, 30)), areas.resized(table, (1999, 1000), (slice(-9, None), slice(0, 5)))
    for view in found:
        torch.testing.assert_close(view, torch.full_like(view, 255.0))
