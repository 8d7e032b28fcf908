"""The first way through a clip: where its shots begin, and which faces its frames show. Only boxes stay."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from deid.anonymization.options import Options
from deid.devices import resolve_device
from deid.photo import alignment, finding, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.video.reading import ClipFrame
from deid.video.shots import Shots
from deid.video.tracking import Sighting

EVERY = 2  # of so many frames one is searched, and each that differs from the one before by far
SMALLEST = 1 / 60  # of the shorter side: no smaller face is looked for in a large clip
LOOK = 8  # pixels of a face's side that tell two people apart
TOUCHED = 0.1  # of a face's sides

Finder = Callable[[np.ndarray], list[Face]]  # the faces of a frame (H, W, 3) uint8


@dataclass(frozen=True, eq=False)
class Survey:
    """What was seen of a clip: ``sightings`` by frame, where its shots ``starts``, ``count`` frames of
    ``size`` (width, height), ``rate`` a second.
    """

    sightings: dict[int, list[Sighting]]
    starts: list[int]
    count: int
    size: tuple[int, int]
    rate: float


def finder(options: Options) -> Finder:
    """The detectors: all faces of a frame, those that they are not sure of as well."""
    device = resolve_device(options.device)
    device = "cpu" if device == "mps" else device

    def find(pixels: np.ndarray) -> list[Face]:
        smallest = max(min(options.smallest, options.min_size), SMALLEST * min(pixels.shape[:2]))
        return finding.find(images.from_uint8(pixels), options.detector, smallest=smallest, device=device)

    return find


def survey(
    frames: Iterable[ClipFrame], find: Finder, unit: Fraction, every: int = EVERY
) -> Generator[int, None, Survey]:
    """Search one of ``every`` frames; yields how many are done. ``unit``: of the frames' times, in seconds.

    No frame stays: memory does not grow with the clip, but for the boxes.
    """
    shots, sightings, due = Shots(), dict[int, list[Sighting]](), None
    times, size = [0, 0], (0, 0)
    for frame in frames:
        cut = shots.add(frame.pixels)
        if cut and due is not None:
            sightings[due.number] = seen(due, find)  # the last frame of a shot
        due = None if cut or frame.number % every == 0 else frame
        if due is None:
            sightings[frame.number] = seen(frame, find)
        size = frame.pixels.shape[1], frame.pixels.shape[0]
        times = [times[0] if frame.number else frame.time, frame.time]
        yield shots.count
    if due is not None:
        sightings[due.number] = seen(due, find)
    seconds = float((times[1] - times[0]) * unit)
    rate = (shots.count - 1) / seconds if seconds > 0 else 25.0
    return Survey(sightings, shots.starts, shots.count, size, rate)


def seen(frame: ClipFrame, find: Finder) -> list[Sighting]:
    """The faces of one frame."""
    found = find(frame.pixels)
    return [
        Sighting(frame.number, face, look(frame.pixels, face), any(_touch(face, other) for other in found))
        for face in found
    ]


def _touch(face: Face, other: Face) -> bool:
    """Whether another face's box reaches into this one's by more than ``TOUCHED``."""
    if other is face:
        return False
    (x1, y1, x2, y2), (a1, b1, a2, b2) = face.box, other.box
    x, y = TOUCHED * (x2 - x1), TOUCHED * (y2 - y1)
    return a1 < x2 - x and a2 > x1 + x and b1 < y2 - y and b2 > y1 + y


def look(pixels: np.ndarray, face: Face) -> np.ndarray:
    """How a face of a frame (H, W, 3) uint8 looks, roughly: a unit vector, whatever the light."""
    steps = torch.arange(0.5, 2 * LOOK) / (2 * LOOK) * 0.5 + 0.25  # the middle of a frame
    frame = DCGAN_FRAME
    places = alignment.positions(frame.matrix(face), *(steps.double() * frame.size - 0.5,) * 2)
    x, y = (places[..., k].round().long().numpy() for k in (0, 1))
    some = pixels[y.clip(0, pixels.shape[0] - 1), x.clip(0, pixels.shape[1] - 1)].astype(np.float32)
    coarse = some.reshape(LOOK, 2, LOOK, 2, 3).mean((1, 3))
    coarse -= coarse.mean()
    return (coarse / max(1e-6, float(np.linalg.norm(coarse)))).ravel()
