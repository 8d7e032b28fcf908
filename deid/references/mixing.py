"""Two people make a third: the upper part of one face and the lower part of another, without a seam.

Eyes, brows and forehead are the first one's, nose, mouth and chin the second one's, in texture and in shape.
Every detail is one person's: there is none of the double brows and lids of an average. The parts are joined
by multiband blending (Burt and Adelson, 1983, "A Multiresolution Spline With Application to Image Mosaics").
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.resampling import reduced

SEAM = 0.36  # from the eyes (0) to the mouth (1): below what lies under the eyes, above the nose's tip
# In eye distances: how far beside the middle of a face the seam begins to rise, and how much it does. The
# upper one's sideburns would end there.
BESIDE, RISE = 0.6, 2.0
BAND = 0.2  # as far above and below the seam, in the same unit, both parts' tones are compared
GAIN = (0.77, 1.3)  # how much of the lower part's light may be changed for it
COARSEST = 16  # pixels of a pyramid's last level


def join(upper: Tensor, lower: Tensor, weights: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """One face of two, fitted to the same ``landmarks`` (5, 2) -> picture (1, 3, S, S), weight (1, 1, S, S).

    ``upper`` and ``lower`` (1, 3, S, S); ``weights`` (2, 1, S, S): where each of them is shown, as 0 or 1.
    The lower part gets the tone that the upper one has along the seam.
    """
    height = _height(landmarks, upper.shape[3])
    near = ((height - SEAM).abs() < BAND) & (weights.amin(0, keepdim=True) > 0.5)
    above = (height < SEAM).to(upper)
    if near.any():
        tones = [((part[:, :, near[0, 0]] + 1) / 2).median(2).values for part in (upper, lower)]
        gain = (tones[0] / tones[1].clamp(min=0.02)).clamp(*GAIN)
        lower = ((lower + 1) * gain[..., None, None] - 1).clamp(-1, 1)
    return multiband(upper, lower, above), above * weights[:1] + (1 - above) * weights[1:]


def multiband(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """``first`` where ``weight`` (1, 1, S, S) is 1, ``second`` (1, 3, S, S) where it is 0.

    Every band of frequencies gets a transition as wide as its details; Burt and Adelson (1983), section 3.
    """
    shares = _reduced(weight)
    bands = [
        share * one + (1 - share) * other
        for one, other, share in zip(_laplacian(first), _laplacian(second), shares, strict=True)
    ]
    whole = bands.pop()
    while bands:
        whole = bands.pop() + _expand(whole)
    return whole.clamp(-1, 1)


def _laplacian(images: Tensor) -> list[Tensor]:
    """What each level of a pyramid has more than the next one, finest first, and the coarsest level."""
    levels = _reduced(images)
    return [fine - _expand(coarse) for fine, coarse in pairwise(levels)] + levels[-1:]


def _reduced(images: Tensor) -> list[Tensor]:
    """Images (1, C, S, S), each level half as large as the one before."""
    levels = [images]
    while levels[-1].shape[3] > COARSEST and levels[-1].shape[3] % 2 == 0:
        levels.append(reduced(gaussian(levels[-1], 1.0), 2))
    return levels


def _expand(images: Tensor) -> Tensor:
    return F.interpolate(images, scale_factor=2, mode="bilinear")


def _height(landmarks: Tensor, size: int) -> Tensor:
    """How far down a face each pixel lies, (1, 1, S, S): 0 at the eyes, 1 at the mouth, beside these more."""
    points = landmarks.float()
    eyes, across = points[:2].mean(0), points[1] - points[0]
    down, aside = (_along(eyes, way, size) for way in (points[3:].mean(0) - eyes, across))
    return (down + RISE * (aside.abs() - BESIDE).clamp(min=0))[None, None]


def _along(start: Tensor, way: Tensor, size: int) -> Tensor:
    """How far each pixel lies from ``start`` along a ``way``, in its lengths, (S, S)."""
    steps = torch.arange(size, dtype=torch.float32)
    rows, columns = (steps - start[1]) * way[1], (steps - start[0]) * way[0]
    return (rows[:, None] + columns[None]) / way.square().sum().clamp(min=1e-6)
