"""A photo on its side or on its head, and the faces found in it back in the photo as it was."""

from dataclasses import replace

import torch
from torch import Tensor

from deid.photo.faces import Box, Face, Point


def turned(photo: Tensor, quarters: int) -> Tensor:
    """A photo (1, 3, H, W) turned by so many quarters counter-clockwise: (1, 3, H, W) or (1, 3, W, H)."""
    return torch.rot90(photo, quarters, (2, 3)) if quarters % 4 else photo


def turned_back(face: Face, quarters: int, size: tuple[int, int]) -> Face:
    """A face of the turned photo where it lies in the photo of ``size`` (width, height).

    Its landmarks stay in their order: the first eye is the left one of the face when it is upright.
    """
    width, height = size

    def back(point: Point) -> Point:
        x, y = point
        return ((x, y), (width - 1 - y, x), (width - 1 - x, height - 1 - y), (y, height - 1 - x))[
            quarters % 4
        ]

    (x1, y1), (x2, y2) = back(face.box[:2]), back(face.box[2:])
    box: Box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    return replace(face, box=box, landmarks=tuple(map(back, face.landmarks)))
