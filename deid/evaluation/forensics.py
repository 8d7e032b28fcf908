"""What photographs leave in their finest detail and drawn faces do not: features for a detector.

After Fridrich and Kodovsky (2012), "Rich Models for Steganalysis of Digital Images": high-pass residuals,
described by their statistics. Here these are taken inside the hole, along its rim and around it, at several
sizes, for a face that was replaced need only differ from its own surroundings to be told.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.colour import LUMA
from deid.photo.masks import dilate

REVISION = 1  # of the features: what an older one cached is made again
LEVELS = 4  # sizes that are looked at, each half of the one before
RIM = 6  # half the width of the rim, in pixels of the largest size; what is around is four times as wide
HIGH_PASS = torch.tensor(
    [
        [[0, 0, 0], [0, -1, 1], [0, 0, 0]],
        [[0, 0, 0], [0, -1, 0], [0, 1, 0]],
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[1, 0, 0], [0, -2, 0], [0, 0, 1]],
        [[0, 0, 1], [0, -2, 0], [1, 0, 0]],
        [[-1, 2, -1], [2, -4, 2], [-1, 2, -1]],
        [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    ]
).float()  # derivatives of first and second order, the square of Ker and Boehme, the Laplacian
NOISE = 0.02  # grey levels squared: less is nothing


@torch.no_grad()
def describe(crops: Tensor, holes: Tensor) -> Tensor:
    """Features (N, F) of crops (N, 3, S, S) in [-1, 1] with ``holes`` (N, 1, S, S) as 0 or 1.

    F is the same for every S. Around the hole they are plain; inside and along the rim they are what differs
    from around it.
    """
    found = []
    for part, hole in zip(crops.split(25), holes.float().split(25), strict=True):
        planes, levels = _luma_and_chroma(part * 127.5), []
        for level in range(LEVELS):
            levels.append(_contrasts(_statistics(planes, _regions(hole, max(1, RIM >> level)))))
            planes, hole = F.avg_pool2d(planes, 2), (F.avg_pool2d(hole, 2) > 0.5).float()
        found.append(torch.cat(levels, 1))
    return torch.cat(found)


def _luma_and_chroma(crops: Tensor) -> Tensor:
    """ITU-R BT.601's Y, Cb, Cr, (N, 3, S, S), in grey levels around 0."""
    red, green, blue = crops.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return torch.stack([luma, 0.564 * (blue - luma), 0.713 * (red - luma)], 1)


def _regions(hole: Tensor, width: int) -> Tensor:
    """Inside a hole (N, 1, S, S), along its rim, and around it, (N, 3, S, S) as 0 or 1."""
    grown, inside = dilate(hole, width), 1 - dilate(1 - hole, width)
    return torch.cat([inside, grown - inside, dilate(hole, 4 * width) - grown], 1)


def _statistics(planes: Tensor, regions: Tensor) -> Tensor:
    """Statistics (N, K, 3) of the planes (N, 3, S, S) and their residuals in three regions (N, 3, S, S).

    Of each: log variance, how heavy its tails are by two measures, and the share of next to nothing. Of the
    planes the means as well.
    """
    count, _, height, width = planes.shape
    weights = regions.flatten(2).transpose(1, 2)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1)
    residuals = F.conv2d(planes.reshape(-1, 1, height, width), HIGH_PASS[:, None], padding=1)
    values = torch.cat([residuals.reshape(count, -1, height * width), planes.flatten(2)], 1)
    squares = values.square()
    mean, size, power = (part @ weights for part in (values, values.abs(), squares))
    tails, quiet = (part @ weights for part in (squares.square(), (values.abs() < 1.5).float()))
    found = [
        ((power - mean.square()).clamp(min=0) + NOISE).log(),
        (size + NOISE).log() - (power + NOISE).log() / 2,
        (tails + NOISE).log() - 2 * (power + NOISE).log(),
        quiet,
        mean[:, -3:] / 20,
    ]
    return torch.cat(found, 1)


def _contrasts(statistics: Tensor) -> Tensor:
    """(N, K, 3) by region -> (N, 3 * K): around the hole, and how inside and rim differ from that."""
    inside, rim, around = statistics.unbind(2)
    return torch.cat([around, inside - around, rim - around], 1)
