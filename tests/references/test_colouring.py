"""Colour that a network lost comes back, as much as a reference has; a grey photo stays grey."""

import pytest
import torch

from deid.photo.colour import lab
from deid.references import colouring

SIDE = 128
SKIN = (0.4, 0.0, -0.2)


def plain(colour):
    return torch.tensor(colour)[None, :, None, None].expand(1, 3, SIDE, SIDE).clone()


@pytest.fixture
def hole():
    """Where a frame is seen, and where a reference is shown in its hole."""
    visible, weight = torch.ones(1, 1, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    visible[..., 24:104, 32:96] = 0
    weight[..., 30:98, 38:90] = 1
    return visible, weight


def chroma(images):
    return lab(images)[0, 1:, 64, 64].norm().item()


def test_greyish_skin_gets_colour_and_keeps_its_light_and_hue(hole):
    visible, weight = hole
    drawn, frame = plain((-0.42, -0.5, -0.54)), plain((0.1, 0.4, -0.6)) * visible
    made = colouring.coloured(drawn, frame, visible, plain(SKIN) * weight, weight)
    assert chroma(drawn) * 1.4 < chroma(made) < chroma(plain(SKIN))
    before, after = (lab(part)[0, :, 64, 64] for part in (drawn, made))
    assert (before[0] - after[0]).abs() < 3
    assert torch.nn.functional.cosine_similarity(before[1:], after[1:], dim=0) > 0.95
    assert torch.equal(made[..., 0:20, :], drawn[..., 0:20, :]), "nothing outside the hole"


def test_skin_with_enough_colour_stays_as_it_is(hole):
    visible, weight = hole
    drawn = plain((0.5, 0.0, -0.4))
    made = colouring.coloured(drawn, plain((0.1, 0.4, -0.6)) * visible, visible, plain(SKIN) * weight, weight)
    assert torch.allclose(made, drawn)


def test_in_a_grey_photo_a_face_is_grey(hole):
    visible, weight = hole
    made = colouring.coloured(
        plain((-0.2, -0.1, 0.1)), plain((0.3,) * 3) * visible, visible, plain(SKIN) * weight, weight
    )
    assert chroma(made) < 0.5


def test_without_a_reference_or_surroundings_nothing_is_done(hole):
    visible, weight = hole
    drawn, nothing = plain(SKIN), torch.zeros(1, 1, SIDE, SIDE)
    assert colouring.coloured(drawn, drawn * visible, visible, drawn, nothing) is drawn
    assert colouring.coloured(drawn, drawn * nothing, nothing, drawn * weight, weight) is drawn
