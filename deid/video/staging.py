"""Clips whose truth is known: stills of synthetic people that move over a still background, by known motions.

For tests and measurements. A person is a head, cut out of a portrait by a soft ellipse.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deid.anonymization import compositing, targets
from deid.anonymization.options import Options
from deid.photo import alignment, detection, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.references.sources import openpeople_portraits
from deid.video.reading import ClipFrame, pyav

RATE = 25
SIDE = 256  # of a cut-out head
HEAD = (0.46, 0.44, 0.40, 0.43)  # its ellipse: centre and half axes, as shares of the frame's side
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
class Actor:
    """A cut-out head (1, 3, S, S), its soft shape (1, 1, S, S), its face in it, and how it moves."""

    picture: Tensor
    shape: Tensor
    face: Face
    motion: Motion

    def matrix(self, pose: Pose) -> Tensor:
        """The similarity (2, 3) from the cut-out's pixels to the frame's."""
        points = self.face.points()
        unit = (points[1] - points[0]).norm().item()
        angle, scale = np.deg2rad(pose.turn), pose.eyes / unit
        turn = scale * torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = points.mean(0)
        shift = torch.tensor([pose.x, pose.y], dtype=torch.float64) - turn @ middle
        return torch.cat([turn, shift[:, None]], 1)

    def moved(self, pose: Pose) -> Face:
        """The true face in a frame."""
        points = alignment.apply(self.matrix(pose), self.face.points())
        x, y = points[:, 0], points[:, 1]
        eyes = pose.eyes
        middle = ((x.min() + x.max()) / 2).item(), ((y.min() + y.max()) / 2).item()
        box = (middle[0] - eyes, middle[1] - 1.3 * eyes, middle[0] + eyes, middle[1] + 1.3 * eyes)
        return Face(box, 1.0, tuple(map(tuple, points.tolist())))


@dataclass(frozen=True, eq=False)
class Staged:
    """A staged frame: ``pixels`` (H, W, 3) uint8, and by actor the true face and what of it is seen, (H, W)
    boolean.
    """

    pixels: np.ndarray
    faces: dict[int, Face]
    viewed: dict[int, np.ndarray]


def actor(pixels: Tensor, motion: Motion) -> Actor:
    """The largest face of a portrait (1, 3, H, W), cut out with its hair. Raises ``ValueError`` without one."""
    found = detection.detect_large(pixels, 0.9, min(pixels.shape[2:]) / 8)
    if not found:
        raise ValueError("a portrait without a face")
    face = max(found, key=lambda face: face.size)
    frame = DCGAN_FRAME.resized(SIDE)
    matrix = frame.matrix(face)
    middle = torch.tensor([SIDE / 2, SIDE / 2], dtype=torch.float64)
    linear = matrix[:, :2] * WIDER
    wider = torch.cat([linear, (matrix[:, :2] @ middle + matrix[:, 2] - linear @ middle)[:, None]], 1)
    picture = alignment.crop(pixels, wider, SIDE)
    points = alignment.apply(alignment.invert(wider), face.points())
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    cx, cy, rx, ry = (SIDE * value for value in HEAD)
    radius = (((x - cx - 0.04 * SIDE) / rx) ** 2 + ((y - cy) / ry) ** 2).sqrt()
    shape = ((1 - radius) * 12).clamp(0, 1)[None, None].float()
    return Actor(picture, shape, Face(face.box, 1.0, tuple(map(tuple, points.tolist()))), motion)


def people(names: Sequence[str]) -> Iterator[Tensor]:
    """Portraits (1, 3, H, W) of people of openpeople, one for each name ("P001")."""
    for name in names:
        source = openpeople_portraits([name])
        yield next(p.pixels for p in source if not isinstance(p, Exception) and "studio" in p.name)


def backdrop(width: int, height: int, seed: int = 0) -> Tensor:
    """A background (1, 3, H, W) of soft spots: something to see, and no face."""
    random = torch.Generator().manual_seed(seed)
    spots = torch.rand(1, 3, 6, 8, generator=random) * 1.2 - 0.7
    return torch.nn.functional.interpolate(spots, (height, width), mode="bicubic").clamp(-1, 1)


def stage(
    actors: Sequence[Actor], count: int, background: Callable[[int], Tensor], bar: Motion | None = None
) -> Iterator[Staged]:
    """``count`` frames; later actors stand before earlier ones. ``bar``: something that passes before all:
    a grey post as wide as two eye distances of its pose.
    """
    for number in range(count):
        yield _staged(actors, number, background(number), bar)


def _staged(actors: Sequence[Actor], number: int, canvas: Tensor, bar: Motion | None) -> Staged:
    canvas, faces, viewed = canvas.clone(), dict[int, Face](), dict[int, np.ndarray]()
    height, width = canvas.shape[2:]
    for name, one in enumerate(actors):
        if (pose := one.motion(number)) is None:
            continue
        matrix, region = one.matrix(pose), (0, 0, width, height)
        scaled = alignment.scale(matrix)
        x, y = torch.arange(width, dtype=torch.float64), torch.arange(height, dtype=torch.float64)
        places = alignment.positions(alignment.invert(matrix), x, y)
        inside = ((places > 0) & (places < SIDE - 1)).all(-1)
        small = 1 / max(1.0, 1 / scaled)
        picture, shape = (_shrunk(part, small) for part in (one.picture, one.shape))
        fitted = matrix @ torch.tensor([[1 / small, 0, 0], [0, 1 / small, 0], [0, 0, 1.0]], dtype=torch.float64)
        weight = alignment.paste(shape, fitted, region, mode="bilinear") * inside
        canvas = canvas + weight * (alignment.paste(picture, fitted, region, mode="bilinear") - canvas)
        for other in viewed.values():
            other &= weight[0, 0].numpy() < 0.5
        faces[name] = one.moved(pose)
        viewed[name] = true_region(faces[name], width, height)
    if bar is not None and (pose := bar(number)) is not None:
        left, right = max(0, round(pose.x - pose.eyes)), max(0, round(pose.x + pose.eyes))
        canvas[:, :, :, left:right] = -0.2
        for other in viewed.values():
            other[:, left:right] = False
    return Staged(images.to_uint8(canvas)[0], faces, viewed)


def _shrunk(part: Tensor, factor: float) -> Tensor:
    if factor >= 1:
        return part
    side = max(8, round(part.shape[3] * factor))
    return torch.nn.functional.interpolate(part, (side, side), mode="bilinear", antialias=True)


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


def write(staged: Sequence[Staged], path: Path, **metadata: str) -> Path:
    """A clip of staged frames as a file, with the metadata given -> its path."""
    height, width = staged[0].pixels.shape[:2]
    with pyav().open(str(path), "w") as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for number, frame in enumerate(staged):
            picture = pyav().VideoFrame.from_ndarray(frame.pixels, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
