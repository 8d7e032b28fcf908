"""Clips whose truth is known: stills of synthetic people that move over a still background, by known motions.

For tests and measurements. A person is a head, cut out of a portrait by a soft ellipse.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import compositing, targets
from deid.anonymization.options import Options
from deid.photo import alignment, detection, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.video.reading import ClipFrame

RATE = 25
SIDE = 256  # of a cut-out head
HEAD = (0.5, 0.48), (0.37, 0.45)  # its ellipse: centre and half axes, as shares of a cut-out's side
SOFT = 12  # its edge: the inverse of its width
NOISE = 2.0  # levels of a camera's noise, as a standard deviation
WIDER = 1.5  # frame sides of a cut-out
VIEWED = "face-80"  # of a mask: what of a face may not be seen


@dataclass(frozen=True)
class Pose:
    """Where a head is: its middle in pixels, its eye distance in pixels, its turn in the plane in degrees."""

    x: float
    y: float
    eyes: float
    turn: float = 0.0


Motion = Callable[[int], Pose | None]  # of a frame's number; None: not there


@dataclass(frozen=True, eq=False)
class Head:
    """A cut-out head: its ``picture`` (1, 3, S, S), its soft ``shape`` (1, 1, S, S), and its face in it."""

    picture: Tensor
    shape: Tensor
    face: Face

    def matrix(self, pose: Pose) -> Tensor:
        """The similarity (2, 3) from the cut-out's pixels to the frame's."""
        points = self.face.points()
        angle, scale = math.radians(pose.turn), pose.eyes / (points[1] - points[0]).norm().item()
        turn = scale * torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64
        )
        middle = torch.tensor([pose.x, pose.y], dtype=torch.float64)
        return torch.cat([turn, (middle - turn @ points.mean(0))[:, None]], 1)

    def moved(self, pose: Pose) -> Face:
        """The true face in a frame."""
        points = alignment.apply(self.matrix(pose), self.face.points())
        (x, y), eyes = ((points.amin(0) + points.amax(0)) / 2).tolist(), pose.eyes
        box = (x - eyes, y - 1.3 * eyes, x + eyes, y + 1.3 * eyes)
        return Face(box, 1.0, tuple(map(tuple, points.tolist())))


class Actor(NamedTuple):
    """A head and how it moves."""

    head: Head
    motion: Motion


@dataclass(frozen=True, eq=False)
class Staged:
    """A staged frame: ``pixels`` (H, W, 3) uint8, and by actor the true face and what of it is seen, (H, W)
    boolean.
    """

    pixels: np.ndarray
    faces: dict[int, Face]
    viewed: dict[int, np.ndarray]


def heads(photo: Tensor) -> list[Head]:
    """The heads of a photo (1, 3, H, W), cut out with their hair, from left to right."""
    (found,) = detection.detect(photo, 0.9, 40)
    return [_head(photo, face) for face in sorted(found, key=lambda face: face.box[0])]


def _head(photo: Tensor, face: Face) -> Head:
    matrix = DCGAN_FRAME.resized(SIDE).matrix(face)
    middle = torch.tensor([SIDE / 2, SIDE / 2], dtype=torch.float64)
    linear = WIDER * matrix[:, :2]
    wider = torch.cat([linear, (matrix[:, :2] @ middle + matrix[:, 2] - linear @ middle)[:, None]], 1)
    points = alignment.apply(alignment.invert(wider), face.points())
    steps = (torch.arange(SIDE) + 0.5) / SIDE
    (x, y), (across, down) = HEAD
    radius = (((steps[None] - x) / across) ** 2 + ((steps[:, None] - y) / down) ** 2).sqrt()
    shape = ((1 - radius) * SOFT).clamp(0, 1)[None, None]
    return Head(
        alignment.crop(photo, wider, SIDE), shape, Face(face.box, 1.0, tuple(map(tuple, points.tolist())))
    )


def backdrop(width: int, height: int, seed: int = 0) -> Tensor:
    """A background (1, 3, H, W) of soft spots: something to see, and no face."""
    random = torch.Generator().manual_seed(seed)
    spots = 0.8 * torch.rand(1, 1, 7, 9, generator=random) - 0.5
    spots = spots + 0.25 * torch.rand(1, 3, 7, 9, generator=random)
    return F.interpolate(spots, (height, width), mode="bicubic").clamp(-1, 1)


def stage(
    actors: Sequence[Actor], count: int, background: Callable[[int], Tensor], bar: Motion | None = None
) -> Iterator[Staged]:
    """``count`` frames; later actors stand before earlier ones. ``bar``: something that passes before all:
    a grey post as wide as two eye distances of its pose.
    """
    for number in range(count):
        yield _staged(actors, number, background(number), bar)


def _staged(actors: Sequence[Actor], number: int, canvas: Tensor, bar: Motion | None) -> Staged:
    faces, viewed = dict[int, Face](), dict[int, np.ndarray]()
    height, width = canvas.shape[2:]
    for name, (head, motion) in enumerate(actors):
        if (pose := motion(number)) is None:
            continue
        weight, picture = _shown(head, head.matrix(pose), (width, height))
        canvas = canvas + weight * (picture - canvas)
        for other in viewed.values():
            other &= weight[0, 0].numpy() < 0.5
        faces[name] = head.moved(pose)
        viewed[name] = true_region(faces[name], width, height)
    if bar is not None and (pose := bar(number)) is not None:
        left, right = max(0, round(pose.x - pose.eyes)), max(0, round(pose.x + pose.eyes))
        canvas = canvas.clone()
        canvas[:, :, :, left:right] = -0.2
        for other in viewed.values():
            other[:, left:right] = False
    noise = torch.randn(canvas.shape, generator=torch.Generator().manual_seed(number)) * (NOISE / 127.5)
    return Staged(images.to_uint8(canvas + noise)[0], faces, viewed)


def _shown(head: Head, matrix: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Where a head is seen in a frame of ``size`` (width, height), (1, 1, H, W), and its pixels."""
    width, height = size
    steps = (torch.arange(width, dtype=torch.float64), torch.arange(height, dtype=torch.float64))
    places = alignment.positions(alignment.invert(matrix), *steps)
    inside = ((places > 0) & (places < SIDE - 1)).all(-1)
    side = min(SIDE, max(8, round(SIDE * alignment.scale(matrix))))
    parts = [
        F.interpolate(part, (side, side), mode="bilinear", antialias=True)
        for part in (head.picture, head.shape)
    ]
    # The same place in the shrunk cut-out: pixel centres are at integers.
    step = SIDE / side
    larger = torch.tensor(
        [[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]], dtype=torch.float64
    )
    picture, shape = (
        alignment.paste(part, matrix @ larger, (0, 0, width, height), mode="bilinear") for part in parts
    )
    return shape * inside, picture


def true_region(face: Face, width: int, height: int) -> np.ndarray:
    """The pixels (H, W) of a face that may not be seen: the inner 80 % of its outline."""
    target = targets.place(face, Options(method="blackout", mask=VIEWED), DCGAN_FRAME, 0)
    (left, top, right, bottom), inside = compositing.hole_of(target, (width, height))
    region = np.zeros((height, width), bool)
    region[top:bottom, left:right] = inside[0, 0].numpy() > 0.5
    return region


def frames_of(staged: Sequence[Staged]) -> Iterator[ClipFrame]:
    """The same as frames of a clip; their times count frames."""
    for number, frame in enumerate(staged):
        yield ClipFrame(frame.pixels, number, number)
