"""A head and what lies behind it, where a network drew a mixture of both: two layers.

What is visible around the hole is continued inwards. Where that is unlike the face, it is a wall, hair or a
scarf, and goes on behind the reference, whose own colours go on up to its edge; where it is like the face, it
is skin, and stays as it was drawn. Which layer is seen is told by the reference's outline, at the photo's
resolution.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import exposed, exposure
from deid.photo.masks import dilate
from deid.references.surroundings import continued

CORE = 3  # pixels, of 128, from the edge of a reference: further in its colours are its own
RIM = 2.0  # pixels
APART = (0.2, 0.5)  # how far face and surroundings have to be apart, of [-1, 1], to be told from each other


class Layers(NamedTuple):
    """A ``face`` and what is ``around`` it, (1, 3, 128, 128) each, and how far they are ``apart``:
    (1, 1, 128, 128), from 0, where one goes on into the other, to 1.
    """

    face: Tensor
    around: Tensor
    apart: Tensor


def layers(drawn: Tensor, frame: Tensor, visible: Tensor, weight: Tensor) -> Layers:
    """What was drawn (1, 3, 128, 128) as two layers: they differ where head and surroundings do.

    ``frame`` (1, 3, 128, 128) is seen where ``visible`` (1, 1, 128, 128) is 1; the reference is shown where
    ``weight`` is. Far inside the reference both are as drawn.
    """
    core = 1 - dilate(1 - weight, CORE)
    if not (visible.any() and core.any()):
        return Layers(drawn, drawn, torch.zeros_like(weight))
    around, face = continued(frame * visible, visible), continued(drawn, core)
    gain = exposure(frame, visible)  # in the dark all colours are near each other
    apart = (exposed(face, gain) - exposed(around, gain)).square().sum(1, keepdim=True).sqrt()
    apart = gaussian(((apart - APART[0]) / (APART[1] - APART[0])).clamp(0, 1), 1.0)
    # Along its rim a network leaves a line: what is seen goes on into what was drawn.
    drawn = drawn + (1 - visible) * (1 - apart) * _near(visible) * (around - drawn)
    share = apart * (1 - visible) * (1 - core)
    return Layers(drawn + share * (face - drawn), drawn + share * (around - drawn), apart)


def _near(visible: Tensor) -> Tensor:
    """How near to the rim of the hole, from 1 there to 0 a few pixels further in."""
    return (2 * gaussian(visible, RIM)).clamp(max=1)
