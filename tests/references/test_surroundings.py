"""What is beside a hole goes on into it, smoothly, and nothing that is hidden does."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import surroundings


@pytest.fixture(params=[64, 256])
def size(request):
    return request.param


@pytest.fixture
def visible(size):
    return masks.frame_mask("face", DCGAN_FRAME.resized(size).points(), size)


def test_each_side_of_a_hole_goes_on_with_its_own_colour(size, visible):
    frame = torch.where(torch.arange(size) < size / 2, -0.5, 0.5).expand(1, 3, size, size)
    made = surroundings.continued(frame, visible)
    assert torch.equal(made * visible, frame * visible)
    row, fourth = made[0, 0, size // 2], size // 4
    assert row[fourth] < -0.4 and row[-fourth] > 0.4
    assert row.diff().abs().max() < 0.4, "no line in the middle"


def test_hidden_pixels_are_never_read(size, visible):
    frame = torch.rand(1, 3, size, size)
    noise = torch.where(visible > 0.5, frame, torch.rand(1, 3, size, size))
    assert torch.equal(surroundings.continued(frame, visible), surroundings.continued(noise, visible))


def test_one_colour_stays_one_colour(size, visible):
    frame = torch.full((1, 3, size, size), 0.3) * visible
    assert torch.allclose(surroundings.continued(frame, visible), torch.full_like(frame, 0.3), atol=1e-5)


def test_a_frame_without_anything_visible_is_grey():
    assert not surroundings.continued(torch.ones(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)).any()
