"""The classical ways to hide a face, for comparison: black, mosaic, blur.

Mosaic and blur are computed from the face.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import compositing
from deid.anonymization.choices import CLASSICAL
from deid.anonymization.compositing import Scene
from deid.anonymization.targets import Outcome, Target
from deid.photo.blending import gaussian


def blackout(area: Tensor, face_size: float, strength: float = 0.0) -> Tensor:
    """Black, whatever was there. (1, 3, h, w) -> the same shape."""
    del face_size, strength
    return -torch.ones_like(area)


def pixelate(area: Tensor, face_size: float, tiles: float = 8) -> Tensor:
    """Means of square tiles, ``tiles`` across the face. (1, 3, h, w) -> the same shape."""
    height, width = area.shape[2:]
    side = max(1, round(min(face_size / tiles, max(height, width))))
    means = F.avg_pool2d(area, side, ceil_mode=True, count_include_pad=False)
    return means.repeat_interleave(side, 2).repeat_interleave(side, 3)[:, :, :height, :width]


def blur(area: Tensor, face_size: float, strength: float = 0.15) -> Tensor:
    """A Gaussian with a standard deviation of ``strength`` times the face. (1, 3, h, w) -> the same shape."""
    deviation = min(
        max(1.0, strength * face_size), 2 * max(area.shape[2:])
    )  # wider, all is one colour anyway
    reach = min(round(3 * deviation), *(side - 1 for side in area.shape[2:]))
    wide = gaussian(F.pad(area, (reach,) * 4, mode="reflect"), deviation)
    return wide[:, :, reach : reach + area.shape[2], reach : reach + area.shape[3]]


OBFUSCATIONS: dict[str, Callable[..., Tensor]] = dict(zip(CLASSICAL, (blackout, pixelate, blur), strict=True))


def obfuscate(
    pixels: Tensor, targets: Sequence[Target], outcomes: Sequence[Outcome], strength: float = 0.0
) -> tuple[Scene, list[Outcome]]:
    """Cover every face of a photo (1, 3, H, W) -> the photo and what is hidden, outcomes with their seconds.

    ``strength`` 0 is each method's own.
    """
    canvas, hidden = compositing.hide(pixels, targets)
    size, after = (pixels.shape[3], pixels.shape[2]), list(outcomes)
    for index in sorted(
        range(len(targets)), key=lambda index: targets[index].black
    ):  # black lies over everything
        begin, target = time.perf_counter(), targets[index]
        (left, top, right, bottom), inside = compositing.hole_of(target, size)
        area, original = canvas[:, :, top:bottom, left:right], pixels[:, :, top:bottom, left:right]
        covered = OBFUSCATIONS[target.method](original, target.face.size, *([strength] if strength else []))
        area.copy_(torch.where(inside > 0.5, covered, area))
        after[index] = replace(outcomes[index], seconds=time.perf_counter() - begin)
    return Scene(canvas, hidden), after
