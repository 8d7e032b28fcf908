"""Where a reference is shown: all of its face up to jaw and temples, without bites, hair or hands.

What is known to be skin has bites, where a strand of hair or a shadow lies on a cheek. Through each of them
the photo's background would be seen. A face is convex, so what lies between its skin is filled with skin.
"""

import math

import torch
from torch import Tensor

from deid.photo import masks
from deid.photo.blending import gaussian
from deid.photo.masks import dilate
from deid.photo.resampling import enlarge, shrink
from deid.references.surroundings import continued

SIDE = 128  # of the view in which an outline is found
OUTLINE = "face-120"  # of a mask: no more of a reference is shown, however large the hole is
THIN = 5  # half of the width, in its pixels, of what is not shown
# Up to the first lean a head is frontal. For each further eye distance the far half of the outline is
# narrower by the second share, until the last is left of it.
FRONTAL, NARROW, LEAST = 0.08, 2.0, 0.6
BELOW = (-0.2, 0.3)  # of the way from eyes to mouth: a forehead is as wide as it was, a cheek is narrower
RIM, SOFT = 2, 1.0  # pixels: skin at its edge is mixed with what lies beside it
SIDES = 40  # of the polygon around a face


def skin(matte: Tensor, inside: Tensor) -> Tensor:
    """A face's own skin as 0 or 1, (1, 1, 128, 128), without what is thin.

    ``matte`` (1, 1, 128, 128) is the reference's, ``inside`` as of ``within``.
    """
    smooth = (gaussian(inside * (matte > 0.5), 1.5) > 0.6).float()
    # What is thin is no face: a strand of neck beside the chin, an ear's edge.
    return dilate(1 - dilate(1 - smooth, THIN), THIN - 1) * smooth


def whole(own: Tensor, inside: Tensor) -> Tensor:
    """The convex hull of its ``skin`` (1, 1, 128, 128), no further out than ``inside``; same shape."""
    steps = torch.arange(SIDE, dtype=own.dtype)
    points = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    shown = points[own[0, 0] > 0.5]
    if not len(shown):
        return own
    angles = torch.arange(SIDES, dtype=own.dtype) * (2 * math.pi / SIDES)
    normals = torch.stack([angles.cos(), angles.sin()])
    furthest = (shown @ normals).amax(0)
    beyond = (points @ normals - furthest).amax(-1)
    return (beyond <= 1e-3).to(own)[None, None] * inside


def mended(picture: Tensor, own: Tensor) -> Tensor:
    """``picture`` (1, 3, S, S) with its skin continued where it is not its ``own`` (1, 1, 128, 128)."""
    size = picture.shape[3]
    core = 1 - dilate(1 - own, RIM)
    share = enlarge(gaussian(core, SOFT), size).clamp(0, 1)
    return share * picture + (1 - share) * enlarge(continued(shrink(picture, SIDE), core), size)


def lean(landmarks: Tensor) -> tuple[float, Tensor]:
    """How far the nose of landmarks (5, 2) leaves the middle of eyes and mouth, in eye distances, and the way
    from the left eye to the right one (2,). Towards that side the head is turned.
    """
    across = landmarks[1] - landmarks[0]
    off = landmarks[2] - landmarks[[0, 1, 3, 4]].mean(0)
    return (off @ across / across.square().sum().clamp(min=1e-6)).item(), across


def within(landmarks: Tensor) -> Tensor:
    """Inside the outline of a face, (1, 1, 128, 128) as 0 or 1; of a turned head the far cheek is nearer.

    ``landmarks`` (5, 2) in pixels.
    """
    points = landmarks.double()
    turned, across = lean(points)
    narrow = max(LEAST, 1 - NARROW * max(0.0, abs(turned) - FRONTAL))
    steps, eyes = torch.arange(SIDE, dtype=points.dtype), points[:2].mean(0)
    places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    right, low = (
        (places - eyes) @ way / way.square().sum().clamp(min=1e-6)
        for way in (across, points[3:].mean(0) - eyes)
    )
    cheek = ((low - BELOW[0]) / (BELOW[1] - BELOW[0])).clamp(0, 1)
    further = torch.where(right * turned > 0, right * cheek * (1 / narrow - 1), 0.0)
    return masks.hides(OUTLINE, places + further[..., None] * across, points, SIDE).float()[None, None]
