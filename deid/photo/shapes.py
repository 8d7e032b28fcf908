"""How much of a face's own geometry its landmarks say: all, its pose alone, or its place alone.

Five landmarks hold who someone is (how far the eyes are from each other, how long the nose is) and where they
look. A weak perspective view of one mean head holds the second only.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from deid.photo import alignment
from deid.photo.alignment import DCGAN_FRAME

# How far the landmarks of a mean head lie in front of its eyes, in eye distances: the tip of the nose 27 mm,
# the corners of the mouth 6 mm, with pupils 63 mm apart (round numbers for adults).
DEPTHS = (0.0, 0.0, 0.43, 0.10, 0.10)


class Placing(NamedTuple):
    """Where a face is drawn: ``jitter`` moves landmarks by a normal distribution of so many eye distances,
    ``shape`` is what they hold of the face's own geometry (``SHAPES``).
    """

    jitter: float = 0.0
    shape: str = "own"

    def of(self, points: Tensor, seed: int) -> Tensor:
        """The landmarks (5, 2) to draw with where those of the face are ``points`` (5, 2)."""
        moved = reduced(points, self.shape)
        if not self.jitter:
            return moved
        moves = torch.randn(5, 2, generator=torch.Generator().manual_seed(seed), dtype=points.dtype)
        return moved + self.jitter * (points[1] - points[0]).norm() * moves


def reduced(points: Tensor, shape: str) -> Tensor:
    """Landmarks (5, 2) with less of the face's own shape, float64.

    "own" are the points themselves. "pose" are those of a mean head that looks the same way (scaled
    orthographic projection, fitted by least squares). "mean" are those of a mean face from the front, with
    the place, size and tilt of this one.
    """
    if shape == "own":
        return points
    flat = DCGAN_FRAME.points()
    if shape == "mean":
        return alignment.apply(alignment.similarity(flat, points), flat)
    unit = (flat[1] - flat[0]).norm()
    head = torch.cat([flat, -unit * flat.new_tensor(DEPTHS)[:, None]], 1)
    head = head - head.mean(0)
    middle = points.mean(0)
    # An affine camera first, then the nearest one that only turns and scales: both singular values the same.
    affine = torch.linalg.lstsq(head, points - middle).solution.T
    left, values, right = torch.linalg.svd(affine, full_matrices=False)
    return head @ (values.mean() * left @ right).T + middle
