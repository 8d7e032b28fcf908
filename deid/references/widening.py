"""A reference that reaches the edge of its hole: cheeks, jaw and chin are pulled outwards, features stay.

The hole has the outline of a face. Between a smaller face and its edge something would have to be made up:
a neck, a collar, a wall. What was made up there looked wrong more often than a jaw that is a little wider.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.resampling import enlarge, shrink
from deid.references.outlines import lean

SIDE = 128  # of the view in which outlines are compared
RAYS = 120  # from the middle of a face outwards
STEP = 0.5  # pixels along a ray
MOST = 1.2  # times as far from the middle as it was: more would be another head
CORE = 0.7  # the share of a ray on which nothing moves: eyes, nose and mouth
TEMPLE = (115.0, 95.0)  # degrees from the chin where nothing is pulled and where all is: brows would follow
SMOOTH = 3.0  # rays
# Of a head whose nose leaves the middle by so many eye distances, the far cheek ends early. Where the hole
# goes on by more than so many times, there is a wall in it: nothing is pulled over that.
TURNED, NEAR = 0.1, 1.12


def widened(picture: Tensor, weight: Tensor, visible: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """``picture`` (1, 3, S, S) and where it is shown, ``weight`` (1, 1, S, S) as 0 or 1, made wider.

    ``landmarks`` (5, 2) in pixels; the hole is where ``visible`` (1, 1, S, S) is 0. The displacement is along
    rays from the middle of the face.
    """
    size = picture.shape[3]
    points = ((landmarks + 0.5) * (SIDE / size) - 0.5).to(picture)
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    middle = (eyes + mouth) / 2
    hole, own = (shrink(part, SIDE) for part in (1 - visible, weight))
    there = _last(own > 0.5, middle)
    wanted = (_first(hole < 0.5, middle) / there).clamp(1, MOST)
    wanted = torch.where(_far_side(points) & (wanted > NEAR), 1.0, wanted)
    ratio = _round(1 + (wanted - 1) * _sector(mouth - eyes), widest=2)
    moves = _moves(_round(there), ratio, middle)
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, size, size], align_corners=False)
    grid = grid + F.interpolate(moves, (size, size), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    both = F.grid_sample(torch.cat([picture, weight], 1), grid, padding_mode="border", align_corners=False)
    soft = enlarge(gaussian(shrink(both[:, 3:], SIDE), 1.0), size)
    return both[:, :3], (soft > 0.5).to(weight) * (1 - visible)


def _directions() -> Tensor:
    angles = torch.arange(RAYS) * (2 * math.pi / RAYS)
    return torch.stack([angles.cos(), angles.sin()], -1)


def _along(mask: Tensor, middle: Tensor) -> tuple[Tensor, Tensor]:
    """A mask (1, 1, S, S) along rays, (R, K) as 0 or 1, and the distances (K,) of its samples."""
    far = torch.arange(1.0, SIDE * 0.6, STEP)
    places = middle + far[None, :, None] * _directions()[:, None]
    grid = (places + 0.5) / SIDE * 2 - 1
    return F.grid_sample(mask.float(), grid[None], mode="nearest", align_corners=False)[0, 0], far


def _last(mask: Tensor, middle: Tensor) -> Tensor:
    """How far along each ray a mask goes, (R,)."""
    values, far = _along(mask, middle)
    return (values * far).amax(1).clamp(min=1.0)


def _first(mask: Tensor, middle: Tensor) -> Tensor:
    """How far along each ray a mask begins, (R,)."""
    values, far = _along(mask, middle)
    return far[values.argmax(1)] + STEP


def _sector(down: Tensor) -> Tensor:
    """How much each ray is pulled, (R,) from 0 to 1: by its angle from the chin."""
    angle = (_directions() @ (down / down.norm())).clamp(-1, 1).arccos().rad2deg()
    none, whole = TEMPLE
    return ((angle - none) / (whole - none)).clamp(0, 1)


def _far_side(points: Tensor) -> Tensor:
    """Which rays (R,) are on the far side of a head that is turned; landmarks (5, 2)."""
    leaning, across = lean(points)
    return ((_directions() @ across) * leaning > 0) & (abs(leaning) > TURNED)


def _round(values: Tensor, widest: int = 0) -> Tensor:
    """Values (R,) of rays, made smooth around the circle, the largest of some neighbours first."""
    values = F.pad(values[None], (widest, widest), mode="circular") if widest else values[None]
    values = F.max_pool1d(values, 2 * widest + 1, 1)
    reach = math.ceil(3 * SMOOTH)
    around = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / SMOOTH) ** 2)
    return F.conv1d(
        F.pad(values, (reach, reach), mode="circular")[None], (around / around.sum())[None, None]
    )[0, 0]


def _moves(there: Tensor, ratio: Tensor, middle: Tensor) -> Tensor:
    """Where each pixel comes from, less where it is: (1, 2, 128, 128) in units of half a side."""
    steps = torch.arange(SIDE, dtype=torch.float32)
    y, x = torch.meshgrid(steps - middle[1], steps - middle[0], indexing="ij")
    far = (x.square() + y.square()).sqrt().clamp(min=1e-3)
    place = torch.atan2(y, x) / (2 * math.pi) * RAYS % RAYS
    low, part = place.long() % RAYS, place - place.floor()
    edge, pulled = (v[low] * (1 - part) + v[(low + 1) % RAYS] * part for v in (there, ratio))
    still, end = CORE * edge, pulled * edge
    between = still + (far - still) * (edge - still) / (end - still).clamp(min=1e-3)
    source = torch.where(far < still, far, torch.where(far < end, between, far - (end - edge)))
    moves = torch.stack([x, y])[None] * (source / far - 1) / SIDE * 2
    return gaussian(moves, 1.0)
