"""The refining network joins a reference to what is visible, and sees nothing else."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import refining
from deid.references.refining import Refiner

SIZE = 256


@pytest.fixture
def visible():
    return masks.frame_mask("face", DCGAN_FRAME.resized(SIZE).points(), SIZE)


@pytest.fixture
def weight():
    return 1 - masks.frame_mask("face-80", DCGAN_FRAME.resized(SIZE).points(), SIZE)


@pytest.fixture
def reference():
    return torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) - 0.5


def test_it_sees_neither_hidden_pixels_nor_what_is_not_shown_of_a_reference(visible, weight, reference):
    frame = reference.flip(2)
    hidden = torch.where(visible > 0.5, frame, -frame)
    other = torch.where(weight > 0.5, reference, -reference)
    drawn = [
        refining.draw(*images, weight)
        for images in ((frame, visible, reference), (hidden, visible, reference), (frame, visible, other))
    ]
    assert drawn[0].shape == (1, 3, refining.SIDE, refining.SIDE)
    assert torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[0], drawn[2])


def test_an_untrained_network_shows_what_it_is_given(visible, weight, reference):
    network = Refiner()
    for parameter in network.write.parameters():
        torch.nn.init.zeros_(parameter)
    given = refining.conditions(reference, visible, reference, weight)
    expected = refining.shrunk(reference) * ((given[:, 3:4] + given[:, 7:8]) > 0.99)
    both = (given[:, 3:4] + given[:, 7:8] > 0.99).expand_as(expected)
    assert torch.allclose(network(given)[both], expected[both], atol=1e-5)


def test_what_ships_follows_the_light_that_is_visible(visible, weight):
    """A grey face between bright surroundings on one side and dark ones on the other, and its rim."""
    light = F.interpolate(torch.linspace(-0.6, 0.6, 8).view(1, 1, 1, 8), (SIZE, SIZE), mode="bilinear")
    frame, flat = light.expand(1, 3, -1, -1), torch.zeros(1, 3, SIZE, SIZE)
    drawn = refining.draw(frame, visible, flat, weight)
    middle = refining.SIDE // 2
    left, right = (drawn[..., middle, place].mean() for place in (middle - 16, middle + 16))
    assert right - left > 0.1
    rim = F.interpolate(1 - visible - weight, (refining.SIDE,) * 2, mode="area") > 0.99
    wanted = refining.shrunk(frame)
    assert (drawn - wanted).abs()[rim.expand_as(drawn)].mean() < wanted.abs()[rim.expand_as(drawn)].mean()


def test_a_dark_photo_stays_dark(visible, weight, reference):
    """A face between surroundings at a tenth of the light does not glow."""
    frame = (reference.flip(2) + 1) * 0.1 - 1
    drawn = refining.draw(frame, visible, reference, weight)
    inside = (F.interpolate(1 - visible, (refining.SIDE,) * 2, mode="area") > 0.99).expand_as(drawn)
    assert (drawn + 1)[inside].mean() < 2 * (frame + 1).mean()


def test_low_frequencies_are_means_of_what_lies_inside(weight):
    frame = torch.where(weight > 0.5, torch.tensor(0.3), torch.tensor(-1.0)).expand(1, 3, -1, -1)
    low = refining.low(*refining.shown(frame, weight), 1 / 16)
    at_all = F.interpolate(weight, (refining.SIDE, refining.SIDE), mode="area") > 0.1
    assert (low - 0.3)[at_all.expand_as(low)].abs().max() < 0.02, "up to the edge"
    assert low[0, 0, 0, 0] == -1, "far from it the picture is as it was"
