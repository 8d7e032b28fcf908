"""Brows as dark as the hair that is seen: black ones under fair hair are the first thing that people notice.

The library's people may all be dark-haired. A brow that is too dark for the hair above the hole is faded
towards the skin around it, and keeps its shape.
"""

import torch
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import lab, light
from deid.photo.resampling import enlarge, shrink
from deid.references import hair
from deid.references.refining import SIDE, shrunk

# Where brows are, of the way from mouth to eyes above these, and half of their width, in eye distances.
LOW, MIDDLE, HIGH, WIDE = 0.08, 0.27, 0.5, 0.56
FEW = 64  # pixels to a side: medians need no more
SKIN, AROUND = 8.0, 5.0  # pixels, of 128: over which skin is told from brows, and over which it is continued
DARKER = 0.94  # of the light around: brows are darker
DARKEST = 0.05  # the share of a brow's place that says how dark the brow is
OF_HAIR, LIGHTEST = 0.9, 0.74  # of the hair's light, and of the skin's: as light as brows become
LIT = 0.65  # the share of hair that is darker than what says its colour: between its strands it is dark
BARE, UNKNOWN = 9.0, 0.55  # colour difference below which a head is bald, and what its brows then become
MOST = 0.85  # of a brow's darkness that is lost at most


def faded(face: Tensor, frame: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
    """The ``face`` (1, 3, S, S) in [-1, 1], its brows no darker than the hair above the hole allows.

    ``frame`` (1, 3, S, S) is seen where ``visible`` (1, 1, S, S) is 1. ``landmarks`` (5, 2) in pixels.
    """
    size = face.shape[3]
    points = (landmarks.double() + 0.5) * (SIDE / size) - 0.5
    drawn, place = shrunk(face), _place(points)
    skin = _skin(drawn)
    share = light(drawn) / light(skin).clamp(min=0.02)
    inside = share[place > 0.5]
    if not len(inside):
        return face
    brow = inside.quantile(DARKEST).item()
    wanted = _wanted(frame, visible, skin, points)
    fade = min(MOST, max(0.0, 1 - (1 - wanted) / max(1e-3, 1 - brow)))
    lighter = (enlarge(skin, size) - face) * enlarge(fade * place, size)
    return face + lighter * (light(lighter) > 0.5)


def _wanted(frame: Tensor, visible: Tensor, skin: Tensor, points: Tensor) -> float:
    """The light of brows that go with the hair, as a share of that of ``skin`` (1, 3, 128, 128)."""
    above, inner = hair.around((points + 0.5) * (FEW / SIDE) - 0.5, FEW)
    above = above & (shrink(visible, FEW)[0, 0] > 0.99)
    if not above.any():
        return UNKNOWN
    colour = shrink(frame * visible, FEW)[0][:, above].quantile(LIT, 1)
    own = shrink(skin, FEW)[0][:, inner].median(1).values
    apart = (lab(colour[None, :, None, None]) - lab(own[None, :, None, None])).norm().item()
    if apart < BARE:
        return UNKNOWN
    hair_light, skin_light = (((part + 1) / 2).mean().item() for part in (colour, own))
    return min(LIGHTEST, OF_HAIR * hair_light / max(skin_light, 0.02))


def _place(points: Tensor) -> Tensor:
    """Where brows are, (1, 1, 128, 128), soft from 0 to 1; landmarks (5, 2) in its pixels."""
    steps = torch.arange(SIDE, dtype=points.dtype)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    up, across = points[:2].mean(0) - points[3:].mean(0), points[1] - points[0]
    away = grid[None] - (points[:2, None, None] + MIDDLE * up)
    high = (away * up).sum(-1) / up.square().sum()
    wide = (away * across).sum(-1) / across.square().sum() / WIDE
    high = torch.where(high > 0, high / (HIGH - MIDDLE), high / (MIDDLE - LOW))
    inside = (high.square() + wide.square() < 1).float().amax(0)
    return gaussian(inside[None, None], 1.5)


def _skin(drawn: Tensor) -> Tensor:
    """The face (1, 3, 128, 128) without what is darker than what lies around it."""
    lit = (light(drawn) > DARKER * light(gaussian(drawn, SKIN))).to(drawn)
    return gaussian(drawn * lit, AROUND) / gaussian(lit, AROUND).clamp(min=1e-3)
