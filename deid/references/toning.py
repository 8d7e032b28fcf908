"""The tone of the visible skin for a face that was drawn: what a network still misses along its hole.

Along the hole, what is seen is compared with the face near by. Where it is skin, smooth and of much the same
colour, the difference is carried into the face, most to what is near (as in membrane interpolation; Perez et
al., 2003, but hair, walls and clothes do not count).
"""

import torch
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import lab
from deid.photo.masks import dilate
from deid.photo.resampling import enlarge, reduced
from deid.references.surroundings import continued

RING = 5  # pixels, of 128, outside the hole that are looked at
CORE, INSIDE = 3, 4.0  # from how far inside the face is looked at, and over how many pixels
LEAST = 0.02  # share of the face among those; where there is less, its colours are continued
LIGHTER, OTHER = 20.0, 9.0  # what skin may differ by in L*, and in a* and b*
ROUGH = 0.06  # how much skin varies within a few pixels, as a share of its light: hair varies more
NEAR, FAR = (2.0, 4.0), (8.0, 16.0, 32.0)  # pixels over which skin's tone is carried on;
FEWER = 4  # over the second ones so many times fewer to each side do
# Degrees from the chin: before the first there is seldom skin beside a face, but a wall.
BESIDE, ABOVE, SELDOM = 70.0, 100.0, 0.15
# From the first to the second a forehead is ever more likely, with its sheen and its wrinkles: there skin may
# differ by so many times as much.
FOREHEAD, MORE = (120.0, 140.0), 1.5
DOUBT = 0.02  # how soon few pixels of skin are not believed
FINE = 1.5  # pixels


def toned(drawn: Tensor, frame: Tensor, visible: Tensor, weight: Tensor) -> Tensor:
    """What was drawn (1, 3, 128, 128) in the tone of the skin that is seen around it.

    ``frame`` (1, 3, 128, 128) is seen where ``visible`` (1, 1, 128, 128) is 1; the face is shown where
    ``weight`` is.
    """
    core = 1 - dilate(1 - weight, CORE)
    if not core.any():
        return drawn
    near = gaussian(core, INSIDE)
    face, ring = _mean(drawn, core, INSIDE), dilate(1 - visible, RING) * visible
    if ((near < LEAST) & (ring > 0)).any():
        face = torch.where(near < LEAST, continued(drawn, core), face)
    seen = _mean(frame, visible, FINE)
    angle = _angle(weight)
    share = SELDOM + (1 - SELDOM) * _between(angle, BESIDE, ABOVE)
    more = 1 + (MORE - 1) * _between(angle, *FOREHEAD)
    skin = ring * _alike(seen, face, more) * _smooth(frame.mean(1, keepdim=True), visible, more) * share
    carried = _carried(torch.cat([skin * (seen - face), skin], 1))
    return (drawn + carried[:, :3] / (carried[:, 3:] + DOUBT)).clamp(-1, 1)


def _carried(known: Tensor) -> Tensor:
    """What is ``known`` (1, C, 128, 128) along a hole, carried further and further into it."""
    near = torch.stack([gaussian(known, spread) for spread in NEAR]).sum(0)
    few = reduced(known, FEWER)
    far = torch.stack([gaussian(few, spread / FEWER) for spread in FAR]).sum(0)
    return near + enlarge(far, known.shape[3])


def _mean(values: Tensor, weight: Tensor, spread: float) -> Tensor:
    """Means around each pixel, inside ``weight`` only."""
    return gaussian(values * weight, spread) / gaussian(weight, spread).clamp(min=1e-3)


def _alike(seen: Tensor, face: Tensor, more: Tensor) -> Tensor:
    """How much like skin of the same face, (1, 1, S, S) from 0 to 1; ``more`` (S, S): what is let differ."""
    apart = (lab(seen.clamp(-1, 1)) - lab(face.clamp(-1, 1))) / more
    lighter, other = apart[:, :1] / LIGHTER, apart[:, 1:] / OTHER
    return torch.exp(-lighter.square() - other.square().sum(1, keepdim=True))


def _smooth(light: Tensor, visible: Tensor, more: Tensor) -> Tensor:
    """How smooth the surroundings of each pixel are, (1, 1, S, S) from 0 to 1."""
    mean, square = _mean(torch.cat([light, light.square()], 1), visible, FINE).split(1, 1)
    varied = (square - mean.square()).clamp(min=0).sqrt()
    return torch.exp(-((varied / (mean + 1).clamp(min=0.15) / (ROUGH * more)) ** 2))


def _angle(weight: Tensor) -> Tensor:
    """Where each place of a frame lies, in degrees from the chin (S, S): 0 below a face, 180 above it.

    Frames are upright, the middle of ``weight`` (1, 1, S, S) is that of the face.
    """
    steps = torch.arange(weight.shape[3], dtype=weight.dtype)
    share = weight[0, 0] / weight.sum()
    down, right = (steps - (share.sum(axis) * steps).sum() for axis in (1, 0))
    return torch.atan2(right.abs()[None], down[:, None]).rad2deg()


def _between(values: Tensor, first: float, last: float) -> Tensor:
    """0 up to the first value, 1 from the last one on."""
    return ((values - first) / (last - first)).clamp(0, 1)
