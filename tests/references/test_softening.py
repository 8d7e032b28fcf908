"""Skin that is shown in more light than its own has no more contrast for it."""

import torch

from deid.photo.alignment import DCGAN_FRAME
from deid.references.softening import softened

SIDE = 128
POINTS = DCGAN_FRAME.resized(SIDE).points().float()
WHOLE = torch.ones(1, 1, SIDE, SIDE)


def skin(light, contrast):
    """A face (1, 3, 128, 128) with a dark spot on each cheek and dark eyes."""
    face = torch.full((1, 3, SIDE, SIDE), light)
    for x, y in [*(POINTS[:2] * torch.tensor([1.0, 1.25])).int().tolist(), *POINTS[:2].int().tolist()]:
        face[..., y - 2 : y + 3, x - 2 : x + 3] -= contrast
    return face


def spots(face):
    """How dark spots and eyes are beside skin."""
    (x, y), rim = POINTS[0].int().tolist(), face[0, 0, 4, 4]
    return (rim - face[0, 0, int(POINTS[0, 1] * 1.25), x]).item(), (rim - face[0, 0, y, x]).item()


def test_spots_of_skin_that_was_dark_are_weaker_and_eyes_are_not():
    face = skin(0.4, 0.4)
    cheek, eye = spots(softened(face, skin(-0.2, 0.2), WHOLE, POINTS))
    assert cheek < 0.85 * spots(face)[0]
    assert eye > 0.95 * spots(face)[1]


def test_as_dark_as_it_is_or_darker_it_stays():
    face = skin(-0.3, 0.3)
    assert softened(face, skin(-0.3, 0.3), WHOLE, POINTS) is face
    assert softened(face, skin(0.5, 0.3), WHOLE, POINTS) is face


def test_nothing_changes_where_no_reference_is_shown():
    face, weight = skin(0.4, 0.4), WHOLE.clone()
    weight[..., :64] = 0
    made = softened(face, skin(-0.2, 0.2) * weight, weight, POINTS)
    assert torch.equal(made[..., :60], face[..., :60]) and not torch.equal(made, face)
    assert softened(face, face, torch.zeros_like(WHOLE), POINTS) is face
