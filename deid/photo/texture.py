"""Sharpness and grain: a fill drawn at 64 or 128 px must not lie in a photo of 4,000 as a soft, clean patch.

Everything is measured on pixels that are visible, and the grain is drawn from a seed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.masks import bounds, dilate

STRONGEST = 0.8  # more than this sharpens what the network got wrong
# A photo's sharpness is seen by its strongest edges (the first share of pixels is none), and by the steeper
# ones of these.
EDGES, STEEP, WIDE = 0.7, 0.8, 8.0
LEAST_DETAIL = 0.35  # of what a reference has
QUIET = 0.1  # the share of pixels that show nothing but grain: leaves behind a head are none
BEYOND = 48  # pixels around a hole that are worked on as well: soft edges, and the blurs' reach
GRAIN = 0.03  # at most, as a standard deviation: about four grey levels


def match(drawn: Tensor, area: Tensor, hidden: Tensor, known: Tensor, scale: float, seed: int) -> Tensor:
    """``drawn`` (1, 3, h, w), made as sharp and as grainy in the hole as ``area`` (1, 3, h, w) is around it.

    ``hidden`` and ``known`` (1, 1, h, w) as 0 or 1: the hole, and what of ``area`` may be looked at.
    ``scale``: photo pixels for each pixel that was drawn; up to one a fill was shrunk and is sharp already.
    """
    around = _around(hidden, known)
    if scale <= 1 or around.sum() < 100 or hidden.sum() < 100:
        return drawn
    around = _some(around)
    near = (..., *bounds(hidden[0, 0] > 0.5, BEYOND))
    inside, grey, fine = _some((hidden > 0.5)[near]), _grey(area, drawn, known), 0.6 * scale
    wanted = _typical(_spread(grey, fine), around)
    part = drawn[near]
    there = _typical(_spread(part.mean(1, keepdim=True), fine), inside)
    strength = (wanted / there.clamp(min=1e-4) - 1).clamp(0, STRONGEST)
    part = part + strength * (part - _smooth(part, fine))
    missing = (
        _typical(_spread(grey, 1.0), around, QUIET).square()
        - _typical(_spread(part.mean(1, keepdim=True), 1.0), inside, QUIET).square()
    )
    if missing > 0:
        part = part + missing.clamp(max=GRAIN**2).sqrt() * _grain(drawn, seed)[near]
    return _with(drawn, near, part)


def soften(drawn: Tensor, area: Tensor, hidden: Tensor, known: Tensor) -> Tensor:
    """``drawn`` (1, 3, h, w), no sharper in the hole than ``area`` is around it, at three scales.

    Edges are compared, not detail: a wall has none, and says nothing of how sharp a photo is. ``hidden`` and
    ``known`` (1, 1, h, w) as 0 or 1: the hole, and what of ``area`` may be looked at.
    """
    around, near = _around(hidden, known), (..., *bounds(hidden[0, 0] > 0.5, BEYOND))
    if around.sum() < 100 or hidden.sum() < 100:
        return drawn
    around, inside = _some(around), _some((hidden > 0.5)[near])
    grey, part = _grey(area, drawn, known), drawn[near]
    wide = _spread(grey, WIDE)
    for deviation in (1.0, 2.0, 4.0):
        own = part.mean(1, keepdim=True)
        wanted = _steepness(_spread(grey, deviation), wide, around)
        there = _steepness(_spread(own, deviation), _spread(own, WIDE), inside)
        share = (wanted / there.clamp(min=1e-4)).clamp(LEAST_DETAIL, 1)
        base = _smooth(part, deviation)
        part = base + share * (part - base)
    return _with(drawn, near, part)


def _steepness(fine: Tensor, wide: Tensor, places: Tensor) -> Tensor:
    """How much of an edge is fine, at the strongest ones among ``places`` of two spreads (1, 1, h, w)."""
    fine, wide = fine.flatten()[places], wide.flatten()[places]
    edges = wide >= wide.quantile(EDGES)
    return (fine[edges] / wide[edges].clamp(min=1e-4)).quantile(STEEP)


def reach(hidden: Tensor) -> int:
    """How many pixels around a hole (1, 1, h, w) matter to what lies in it."""
    return _wide(hidden) + BEYOND


def sharpness_ratio(photo: Tensor, hidden: Tensor) -> float:
    """Contrast of fine detail in the hole as a share of that around it: 1 fits, less is soft. NaN: no hole.

    Photo (1, 3, H, W), hidden (1, 1, H, W). Medians, so that neither eyelashes nor a patterned shirt decide.
    """
    spread = _spread(photo.mean(1, keepdim=True), 1.0)
    around = _around(hidden, 1 - hidden)
    return (_typical(spread, _some(hidden > 0.5)) / _typical(spread, _some(around))).item()


def _around(hidden: Tensor, known: Tensor) -> Tensor:
    """Visible pixels within about a quarter of the hole's width (1, 1, h, w)."""
    wide = _wide(hidden)
    steps = max(1, wide // 8)
    coarse = F.max_pool2d(hidden, steps, steps, ceil_mode=True)  # a wide window over few pixels
    grown = dilate(coarse, wide // steps)
    grown = F.interpolate(grown, scale_factor=steps)[..., : hidden.shape[2], : hidden.shape[3]]
    return (grown > 0.5) & (hidden < 0.5) & (known > 0.5)


def _wide(hidden: Tensor) -> int:
    """About a quarter of a hole's width, in pixels."""
    return max(4, round(0.25 * hidden.sum().sqrt().item()))


def _grey(area: Tensor, drawn: Tensor, known: Tensor) -> Tensor:
    """Surroundings in grey (1, 1, h, w), and what was drawn where they are not known: a hole has an edge."""
    return torch.where(known > 0.5, area, drawn).mean(1, keepdim=True)


def _with(drawn: Tensor, near: tuple, part: Tensor) -> Tensor:
    """``drawn`` (1, 3, h, w) with another part."""
    whole = drawn.clone()
    whole[near] = part
    return whole


def _spread(grey: Tensor, deviation: float) -> Tensor:
    """Local standard deviation of what is finer than ``deviation`` pixels, of a grey image (1, 1, h, w)."""
    detail = (grey - _smooth(grey, deviation)).square()
    return _smooth(detail, max(2.0, 2 * deviation)).clamp(min=0).sqrt()


def _some(where: Tensor) -> Tensor:
    """The places of what is true in a mask (1, 1, h, w), evenly fewer where they are very many."""
    places = where.flatten().nonzero()[:, 0]
    return places[:: max(1, len(places) // 100_000)]


def _typical(values: Tensor, places: Tensor, quantile: float = 0.5) -> Tensor:
    chosen = values.flatten()[places]
    return chosen.quantile(quantile) if len(chosen) else values.new_tensor(float("nan"))


def _grain(like: Tensor, seed: int) -> Tensor:
    """Noise (1, 3, h, w) as a camera and JPEG leave it: mostly grey, a little smooth, of deviation 1."""
    random = torch.Generator().manual_seed(seed)
    grey, colour = (torch.randn(1, channels, *like.shape[2:], generator=random) for channels in (1, 3))
    noise = _smooth(0.95 * grey + 0.3 * colour, 0.5)
    grey = noise.mean(1, keepdim=True)
    return (noise / (grey - _smooth(grey, 1.0)).std().clamp(min=1e-6)).to(like)


def _smooth(images: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur; a wide one is computed on fewer pixels, where it costs the same whatever its width."""
    fewer = max(1, int(deviation / 3))
    if fewer == 1:
        return gaussian(images, deviation)
    size = images.shape[2:]
    shrunk = F.interpolate(images, [max(1, side // fewer) for side in size], mode="area")
    return F.interpolate(gaussian(shrunk, deviation / fewer), size, mode="bilinear", align_corners=False)
