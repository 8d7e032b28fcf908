"""The relighting network changes light and colour smoothly, and never what a face looks like."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import relighting
from deid.references.relighting import Relighter

SIZE = 128


@pytest.fixture
def visible():
    return masks.frame_mask("face", DCGAN_FRAME.resized(SIZE).points(), SIZE)


@pytest.fixture
def reference():
    return torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) - 0.5


def test_an_untrained_network_changes_nothing(visible, reference):
    given = relighting.conditions(reference, visible, reference, 1 - visible)
    made = relighting.relit(reference, Relighter()(given))
    assert torch.allclose(made, reference, atol=1e-6)


def test_a_gain_is_one_of_light(reference):
    gains = torch.full((1, 3, 16, 16), 0.5).log()
    assert torch.allclose(relighting.relit(reference, gains) + 1, (reference + 1) / 2, atol=1e-5)


def test_gains_are_too_smooth_to_draw(reference):
    """Strong gains of any kind differ little between neighbours."""
    gains = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    shades = relighting.relit(torch.zeros(1, 3, SIZE, SIZE), gains)
    assert shades.diff(dim=3).abs().mean() < 0.3 * shades.std()


def test_it_sees_of_the_reference_only_what_is_shown(visible, reference):
    weight = 1 - visible
    other = torch.where(weight > 0.5, reference, -torch.ones_like(reference))
    given = [relighting.conditions(reference, visible, image, weight) for image in (reference, other)]
    assert torch.equal(*given)
    assert given[0].shape == (1, relighting.CONDITIONS, relighting.SIDE, relighting.SIDE)


def test_the_network_that_ships_follows_the_light_that_is_visible(visible):
    """A grey face between bright surroundings on one side and dark ones on the other."""
    light = F.interpolate(torch.linspace(-0.6, 0.6, 8).view(1, 1, 1, 8), (SIZE, SIZE), mode="bilinear")
    frame, flat = light.expand(1, 3, -1, -1), torch.zeros(1, 3, SIZE, SIZE)
    with torch.no_grad():
        made = relighting.relit(
            flat, relighting.load()(relighting.conditions(frame, visible, flat, 1 - visible))
        )
    left, right = (made[..., SIZE // 2, place].mean() for place in (SIZE // 3, 2 * SIZE // 3))
    assert right - left > 0.15
