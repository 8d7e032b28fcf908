"""Photos made harder to look at, and where their faces lie then."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.faces import Box, Face

ANGLES = range(15, 181, 15)
DARKER = (4, 10, 16)
BLUR = 2.0  # pixels, a standard deviation
NAMES = (
    "upright",
    *(f"turned {angle}" for angle in ANGLES),
    *(f"dark 1/{share}" for share in DARKER),
    "blurred",
    "half size",
    "mirrored",
    "tiled",
    "cut",
)
GREY = 0.0


class Changed(NamedTuple):
    """A photo (1, 3, H, W) and where the given boxes lie in it; a box may lie there more than once."""

    photo: Tensor
    boxes: Callable[[Box], list[Box]]


def change(name: str, photo: Tensor, largest: Box) -> Changed:
    """The photo (1, 3, H, W) as ``name`` says (one of ``NAMES``); "cut" goes through its ``largest`` face."""
    kind, _, amount = name.partition(" ")
    return _cut(photo, largest) if kind == "cut" else CHANGES[kind](photo, amount)


def _turned(photo: Tensor, amount: str) -> Changed:
    """Turned clockwise about its centre, on grey; the box of a turned face is that of its turned ellipse."""
    height, width = photo.shape[2:]
    angle = math.radians(int(amount))
    c, s = (0.0 if abs(part) < 1e-9 else part for part in (math.cos(angle), math.sin(angle)))
    across, down = (round(abs(a * width) + abs(b * height)) for a, b in ((c, s), (s, c)))
    y, x = torch.arange(down)[:, None] - (down - 1) / 2, torch.arange(across) - (across - 1) / 2
    grid = torch.stack([(c * x + s * y) / ((width - 1) / 2), (c * y - s * x) / ((height - 1) / 2)], -1)[None]
    turned = F.grid_sample(photo, grid, mode="bicubic", padding_mode="border", align_corners=True)
    inside = (grid.abs() <= 1 + 1e-6).all(-1)[:, None]

    def place(box: Box) -> list[Box]:
        x1, y1, x2, y2 = box
        x, y = (x1 + x2 - width + 1) / 2, (y1 + y2 - height + 1) / 2
        x, y = c * x - s * y + (across - 1) / 2, s * x + c * y + (down - 1) / 2
        w, h = (x2 - x1) / 2, (y2 - y1) / 2
        w, h = math.hypot(w * c, h * s), math.hypot(w * s, h * c)
        return [(x - w, y - h, x + w, y + h)]

    return Changed(torch.where(inside, turned.clamp(-1, 1), GREY), place)


def _dark(photo: Tensor, amount: str) -> Changed:
    """So much darker, in whole levels: what was lost in the dark stays lost."""
    share = 1 / int(amount.partition("/")[2])
    return Changed(((photo + 1) / 2 * share * 255).round() / 255 * 2 - 1, _same)


def _blurred(photo: Tensor, amount: str) -> Changed:
    reach = 8
    wide = gaussian(F.pad(photo, (reach,) * 4, mode="reflect"), BLUR)
    return Changed(wide[:, :, reach:-reach, reach:-reach], _same)


def _half(photo: Tensor, amount: str) -> Changed:
    smaller = F.interpolate(photo, scale_factor=0.5, mode="bilinear", antialias=True)
    return Changed(smaller, lambda box: [Face(box, 1.0, ()).scaled(0.5).box])


def _mirrored(photo: Tensor, amount: str) -> Changed:
    width = photo.shape[3]
    return Changed(photo.flip(3), lambda box: [(width - 1 - box[2], box[1], width - 1 - box[0], box[3])])


def _tiled(photo: Tensor, amount: str) -> Changed:
    """A crowd of four: the photo at half its size beside its mirror image, twice."""
    small, shrink = _half(photo, "")
    other, mirror = _mirrored(small, "")
    height, width = small.shape[2:]
    row = torch.cat([small, other], 3)

    def places(box: Box) -> Iterator[Box]:
        (left,) = shrink(box)
        (right,) = mirror(left)
        for x, part in ((0, left), (width, right)):
            yield from (Face(part, 1.0, ()).moved(x, y).box for y in (0, height))

    return Changed(torch.cat([row, row], 2), lambda box: list(places(box)))


def _cut(photo: Tensor, largest: Box) -> Changed:
    """The part of the photo to the right of the middle of a face: half of it is left, at the border."""
    left = round((largest[0] + largest[2]) / 2)

    def place(box: Box) -> list[Box]:
        x1, y1, x2, y2 = box
        return [(max(x1 - left, -0.5), y1, x2 - left, y2)] if x2 > left else []

    return Changed(photo[:, :, :, left:].contiguous(), place)


def _same(box: Box) -> list[Box]:
    return [box]


CHANGES: dict[str, Callable[[Tensor, str], Changed]] = {
    "upright": lambda photo, amount: Changed(photo, _same),
    "turned": _turned,
    "dark": _dark,
    "blurred": _blurred,
    "half": _half,
    "mirrored": _mirrored,
    "tiled": _tiled,
}
