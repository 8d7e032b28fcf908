"""How far cheeks reach to both sides of turned heads, and how far the hole does: where it has a wall in it.

``python -m deid.evaluation.contours PORTRAITS ...`` prints a JSON line for each range of turns. What is skin
is told by ``references.mattes``; where it ends is the cheek's edge. All is in eye distances, sideways from
the middle of the face, half the way from the eyes to the mouth.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from deid.photo import alignment, detection, images, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.images import ImageError
from deid.references import mattes
from deid.references.outlines import lean

TURNS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)  # how far the nose leaves the middle
FURTHEST, STEP = 1.7, 0.02
HALF = 0.5  # of the way from the eyes to the mouth
MASK = "turned"
FEW = 5  # heads below which nothing is said


class Contour(NamedTuple):
    """How far a head is ``turned``, how far its cheeks reach, and how far the hole does on its far side."""

    turned: float
    far: float
    near: float
    hole: float


def contour(crop: Tensor, landmarks: Tensor) -> Contour:
    """Of a frame (1, 3, 128, 128) with ``landmarks`` (5, 2) in pixels."""
    size, points = crop.shape[3], landmarks.double()
    turned, across = lean(points)
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    unit = torch.maximum(across.norm(), (mouth - eyes).norm() / 1.06)
    away = across / across.norm() * (1 if turned >= 0 else -1)
    steps = torch.arange(0, FURTHEST, STEP)
    skin = mattes.matte(crop, (landmarks + 0.5) / size)[0, 0] > 0.5
    hidden = masks.frame_mask(MASK, landmarks, size)[0, 0] < 0.5
    ends = []
    for shown, side in ((skin, away), (skin, -away), (hidden, away)):
        places = eyes + HALF * (mouth - eyes) + steps[:, None] * unit * side
        x, y = places.round().long().clamp(0, size - 1).unbind(1)
        inside = shown[y, x] & ((places >= 0) & (places <= size - 1)).all(1)
        ends.append(float(steps[inside].amax()) if inside.any() else 0.0)
    return Contour(abs(turned), *ends)


def contours(paths: Sequence[Path]) -> Iterator[Contour]:
    """Of all photos that show one face."""
    frame = DCGAN_FRAME.resized(mattes.SIDE)
    for path in paths:
        photo = images.load(path)
        (faces,) = detection.detect(photo.pixels)
        if len(faces) == 1:
            matrix = frame.matrix(faces[0])
            points = alignment.apply(alignment.invert(matrix), faces[0].points())
            yield contour(alignment.crop(photo.pixels, matrix, frame.size), points)


def table(found: Sequence[Contour]) -> Iterator[dict]:
    """A row for each range of turns: the median, and what a fifth of all exceeds."""
    for low, high in pairwise(TURNS):
        some = torch.tensor([one for one in found if low <= one.turned < high])
        if len(some) < FEW:
            continue
        row = {"turned from": low, "to": high, "faces": len(some)}
        for name, values in zip(Contour._fields[1:], some.T[1:], strict=True):
            row |= {name: round(values.median().item(), 2)}
        yield row | {"far, a fifth beyond": round(some[:, 1].quantile(0.8).item(), 2)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line -> exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deid.evaluation.contours", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    torch.set_num_threads(1)
    try:
        paths = [photo for path in parser.parse_args(arguments).photos for photo in images.find(path)]
        for row in table(list(contours(paths))):
            print(json.dumps(row))
    except (ImageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
