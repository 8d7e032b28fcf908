"""The light of a face without what lies behind it: sky and water do not shine through a cheek.

A network that draws a face where it cannot see one mixes it with what it sees beside the hole. Light on a
face changes evenly from one side to the other, and its hue hardly at all. So a plane of light and one hue are
fitted to what the network changed about the reference, and what differs more than a face does is held back.
"""

import torch
from torch import Tensor

from deid.photo.colour import light
from deid.references.evenness import plane
from deid.references.refining import low

SPREAD = 0.035  # of the side: light varies no finer; eyes and mouth are the reference's
LIGHT, HUE = 0.15, 0.045  # of [-1, 1]: how far a well-lit face may be from plane and hue
LIT = 0.5  # the light of such a face, of 1; in the dark everything varies less
STRANGE = 0.08  # of [-1, 1]: what differs from a plane by more counts less


def steadied(face: Tensor, picture: Tensor, weight: Tensor) -> Tensor:
    """What was drawn, ``face`` (1, 3, 128, 128) in [-1, 1], in an even light.

    The reference ``picture`` (1, 3, 128, 128) is shown where ``weight`` (1, 1, 128, 128) is 1.
    """
    inside = weight[0, 0] > 0.5
    if not inside.any():
        return face
    drawn, own = low(face, weight, SPREAD), low(picture, weight, SPREAD)
    lit, before = (light(part)[0, 0, inside].median() for part in (drawn, own))
    changed = drawn - ((lit / before.clamp(min=0.02)).clamp(0.2, 2) * (own + 1) - 1)
    grey = changed.mean(1, keepdim=True)
    colour = changed - grey
    hue = colour[0, :, inside].median(1).values[None, :, None, None]
    even_light, most = plane(grey[0, 0], inside, STRANGE), (lit / LIT).clamp(0.1, 1)
    even = even_light + _bounded(grey - even_light, LIGHT * most) + hue + _bounded(colour - hue, HUE * most)
    return face + even - changed


def _bounded(values: Tensor, most: Tensor) -> Tensor:
    return most * torch.tanh(values / most)
