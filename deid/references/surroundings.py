"""What is visible of a frame, continued smoothly into its hole: what is seen beside a reference."""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.resampling import reduced, shrink

SIDE = 128  # what is smooth needs no more pixels;
FEWER = 4  # what is very smooth, so many times fewer to each side
NEAR, FAR = (1.0, 2.0), (1.0, 2.0, 4.0, 8.0, 16.0)  # pixels of the first, and of the second
LESS = 0.1  # what a mean over twice the width counts: nothing, where a narrower one has anything to say


def continued(frame: Tensor, visible: Tensor) -> Tensor:
    """The frame (1, 3, S, S), its hole filled from what is ``visible`` (1, 1, S, S) around it.

    Means of what is visible, weighted by Gaussians of several widths: the narrowest that reaches anything
    decides (normalised convolution; Knutsson and Westin, 1993). Hidden pixels of ``frame`` are never read.
    """
    size = frame.shape[3]
    seen, values = visible, frame * visible
    if size > SIDE:
        seen = 1 - F.max_pool2d(1 - visible, size // SIDE)
        values = shrink(values, SIDE) * seen
    known = torch.cat([values, seen], 1)
    few = reduced(known, FEWER)
    far = torch.stack([LESS ** (2 + k) * gaussian(few, spread) for k, spread in enumerate(FAR)]).sum(0)
    near = torch.stack([LESS**k * gaussian(known, spread) for k, spread in enumerate(NEAR)]).sum(0)
    total = near + _enlarged(far, known.shape[3])
    filled = total[:, :3] / total[:, 3:].clamp(min=1e-12)
    if size > SIDE:
        filled = _enlarged(filled, size)
    return torch.where(visible > 0.5, frame, filled.clamp(-1, 1))


def _enlarged(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
