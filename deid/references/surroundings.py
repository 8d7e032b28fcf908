"""What is visible of a frame, continued smoothly into its hole: what is seen beside a reference."""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 128  # what is smooth needs no more pixels
COARSEST = 4
RINGS = 6  # of pixels at that side: what lies between a reference and the edge of a hole


def continued(frame: Tensor, visible: Tensor) -> Tensor:
    """The frame (1, 3, S, S), its hole filled from what is ``visible`` (1, 1, S, S) around it.

    Near its edge each pixel is like the nearest that are visible, so that a wall goes on as far as a turned
    cheek. Further in, means of what is visible are taken at half the side, a quarter and so on; where a level
    has none, the next coarser one fills it (pull-push; Gortler et al., 1996, "The Lumigraph", section 3.4).
    Hidden pixels of ``frame`` are never read.
    """
    size = frame.shape[3]
    seen = 1 - F.max_pool2d(1 - visible, size // SIDE) if size > SIDE else visible
    levels = [_grown(F.interpolate(frame * visible, seen.shape[2:], mode="area"), seen)]
    while levels[-1][0].shape[3] > COARSEST:
        values, share = levels[-1]
        covered = F.avg_pool2d(share, 2)
        means = F.avg_pool2d(values * share, 2) / covered.clamp(min=1e-6)
        levels.append((means, (4 * covered).clamp(max=1)))  # one pixel of four is enough
    values, share = levels[-1]
    filled = (values * share).sum((2, 3), keepdim=True) / share.sum((2, 3), keepdim=True).clamp(min=1e-6)
    for values, share in reversed(levels):
        filled = values * share + _enlarged(filled, values.shape[3]) * (1 - share)
    return torch.where(visible > 0.5, frame, _enlarged(filled, size).clamp(-1, 1))


def _grown(values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """``values`` (1, 3, S, S) where ``seen`` (1, 1, S, S) is 1, and a rim of the hole.

    Ring by ring, each pixel is the mean of its neighbours that are known already.
    """
    values = values * seen
    for _ in range(RINGS):
        around = F.avg_pool2d(torch.cat([values, seen], 1), 3, 1, 1)
        share = around[:, 3:]
        new = ((seen < 0.5) & (share > 0)).to(seen)
        values = values + new * around[:, :3] / share.clamp(min=1e-6)
        seen = seen + new
    return values, seen


def _enlarged(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
