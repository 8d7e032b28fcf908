"""Parts of a photo without a face that are to be hidden: number plates, badges, screens."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from deid.anonymization.compositing import Scene
from deid.anonymization.obfuscation import OBFUSCATIONS
from deid.anonymization.wishes import Wish

MARGIN = 0.03  # of a region's longer side: a box drawn by hand is rarely drawn around all of it


def hide(pixels: Tensor, regions: Sequence[Wish]) -> Scene:
    """The photo (1, 3, H, W) with its regions hidden, and which pixels that are (1, 1, H, W) as 0 or 1.

    Each one is computed from what is hidden so far; black ones lie over all others.
    """
    canvas, hidden = pixels.clone() if regions else pixels, torch.zeros_like(pixels[:, :1])
    for region in sorted(regions, key=lambda region: region.do == "blackout"):
        x1, y1, x2, y2 = region.box
        side = max(x2 - x1, y2 - y1)
        left, top = (max(0, math.floor(low - MARGIN * side)) for low in (x1, y1))
        right, bottom = (math.ceil(high + MARGIN * side) + 1 for high in (x2, y2))
        area = canvas[:, :, top:bottom, left:right]
        if area.numel():
            area.copy_(OBFUSCATIONS[region.do](area.clone(), side))
            hidden[:, :, top:bottom, left:right] = 1
    return Scene(canvas, hidden)
