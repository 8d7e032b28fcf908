"""What training does to faces first: mirror, shift and blur them, and hide a part of them."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import masks

MIRRORED = [1, 0, 2, 4, 3]  # the landmarks of a face in a mirror: left and right are exchanged
# How often each of the tool's masks is drawn: for version 3, and for the network that joins references.
HOLES = {"face": 0.6, "centre-50": 0.2, "centre-32": 0.2}
HOLES_OF_REFERENCES = {"forehead": 0.6, "face": 0.15, "face-120": 0.15, "centre-50": 0.1}


def translate(images: Tensor, reach: int, random: torch.Generator) -> Tensor:
    """Shift each image by up to ``reach`` pixels, zeros coming in. (N, C, H, W) -> same, differentiable."""
    if reach == 0:
        return images
    count, _, height, width = images.shape
    shifts = torch.randint(0, 2 * reach + 1, (2, count, 1, 1), generator=random).to(images.device)
    rows = torch.arange(height, device=images.device).view(1, height, 1) + shifts[0]
    columns = torch.arange(width, device=images.device).view(1, 1, width) + shifts[1]
    padded = F.pad(images, (reach,) * 4).permute(0, 2, 3, 1)
    index = torch.arange(count, device=images.device).view(count, 1, 1)
    return padded[index, rows, columns].permute(0, 3, 1, 2)


def mirror(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror the ``chosen`` images: (N, C, H, W) and boolean (N,) -> (N, C, H, W)."""
    mirrored = images.clone()
    mirrored[chosen] = images[chosen].flip(3)
    return mirrored


def mirror_landmarks(landmarks: Tensor, chosen: Tensor, size: int) -> Tensor:
    """Mirror the landmarks of the ``chosen`` faces in frames of ``size`` px: (N, 5, 2), (N,) -> (N, 5, 2)."""
    mirrored = landmarks.clone()
    exchanged = landmarks[chosen][:, MIRRORED]
    exchanged[..., 0] = size - 1 - exchanged[..., 0]
    mirrored[chosen] = exchanged
    return mirrored


def enlarge(images: Tensor, share: float, random: torch.Generator, smallest: int = 20) -> Tensor:
    """Shrink a ``share`` of the images and enlarge them again; (N, C, S, S) in [-1, 1] -> the same.

    The small side is between ``smallest`` and S pixels, drawn evenly on a logarithmic scale.
    """
    chosen, shrunk = torch.rand(2, len(images), generator=random)
    enlarged, size = images.clone(), images.shape[3]
    for index in torch.nonzero(chosen < share).flatten().tolist():
        side = round(smallest * (size / smallest) ** shrunk[index].item())
        small = F.interpolate(images[index : index + 1], (side, side), mode="bicubic", antialias=True)
        enlarged[index] = F.interpolate(small, (size, size), mode="bicubic").clamp(-1, 1)
    return enlarged


def random_hole(
    landmarks: Tensor, size: int, random: torch.Generator, holes: Mapping[str, float] = HOLES
) -> Tensor:
    """Visible pixels under one of the tool's masks, its outline moved and stretched a little.

    Landmarks (5, 2) in pixels of a frame of ``size`` -> (1, 1, size, size): 1 visible, 0 hidden. One in three
    faces loses a rectangle more, as a neighbour's mask or the photo's edge would hide it. ``holes``: how
    often each mask is drawn.
    """
    pick, stretch, right, down, more = torch.rand(5, generator=random).tolist()
    ends = list(accumulate(holes.values()))
    mask = list(holes)[min(bisect_right(ends, pick), len(holes) - 1)]
    middle = landmarks.mean(0)
    moved = (landmarks - middle) * (0.85 + 0.6 * stretch) + middle
    moved = moved + (torch.tensor([right, down]).to(moved) - 0.5) * 0.06 * size
    visible = masks.frame_mask(mask, moved, size)
    if more < 1 / 3:
        left, top, width, height = (torch.rand(4, generator=random) * size).int().tolist()
        visible[..., top : top + 1 + height // 2, left : left + 1 + width // 2] = 0
    return visible
