"""What lookers are shown: every face of some photos, each in one of several versions, and the key."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import detection, images
from deid.photo.faces import Face
from deid.photo.images import ImageError, Photo
from deid.storage import write_atomically

UNTOUCHED = "untouched"
SMALLEST = 60  # pixels of a face that is shown
COLUMNS, ROWS = 4, 3  # pictures on a sheet, in the order in which one reads
SIDE, GAP = 460, 16  # pixels of the largest picture, which is shrunk to that, and of the white around it
AROUND = 1.0  # faces, to each side of the middle of one


@dataclass(frozen=True)
class Place:
    """A face of a photo: the file's name, a number from the left, and the part of the photo that is shown."""

    photo: Path
    number: int
    box: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """What it is called in a key."""
        return f"{self.photo.name}#{self.number}"


def places(photos: Sequence[Path], smallest: float = SMALLEST) -> Iterator[Place]:
    """Every face of ``smallest`` pixels or more."""
    for path in photos:
        photo = images.load(path)
        faces = [face for face in detection.detect(photo.pixels, 0.9, smallest)[0] if face.size >= smallest]
        for number, face in enumerate(sorted(faces, key=lambda face: face.box[0]), 1):
            yield Place(path, number, _around(face, photo))


def _around(face: Face, photo: Photo) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = face.box
    x, y, reach = (x1 + x2) / 2, (y1 + y2) / 2, AROUND * face.size
    width, height = photo.size
    left, top = max(0, round(x - reach)), max(0, round(y - reach))
    return left, top, min(width, round(x + reach)), min(height, round(y + reach))


def assigned(faces: int, versions: int, lookers: int, seed: int = 0) -> list[list[tuple[int, int]]]:
    """For each looker the (face, version) to be seen, in random order: each face once, versions evenly.

    Over as many lookers as there are versions each face is seen in each (a Latin square).
    """
    chance = random.Random(seed)
    first = [chance.randrange(versions) for _ in range(faces)]
    orders = [
        [(face, (first[face] + looker) % versions) for face in range(faces)] for looker in range(lookers)
    ]
    for order in orders:
        chance.shuffle(order)
    return orders


def sheets(
    found: Sequence[Place], results: Mapping[str, Path], output: Path, lookers: int, seed: int = 0
) -> Iterator[Path]:
    """Write the sheets and the key, and yield each sheet. ``results``: the folder of each version.

    Raises ``ImageError`` where a folder has not all photos, before anything is written.
    """
    folders = {UNTOUCHED: None} | dict(results)
    for place in found:
        for name, folder in results.items():
            if not (folder / place.photo.name).is_file():
                raise ImageError(f"{folder / place.photo.name}: is missing, {name} has to have every photo")
    key: dict[str, dict[str, list[str]]] = {}
    for number, order in enumerate(assigned(len(found), len(folders), lookers, seed), 1):
        looker, shown = f"looker-{number}", [(found[k], list(folders)[version]) for k, version in order]
        key[looker] = {f"{at:03}": [place.name, name] for at, (place, name) in enumerate(shown, 1)}
        per = COLUMNS * ROWS
        for start in range(0, len(shown), per):
            cells = [_picture(place, folders[name]) for place, name in shown[start : start + per]]
            path = output / looker / f"{start + 1:03}-{start + len(cells):03}.png"
            images.save(Photo(_sheet(cells)), path)
            yield path
    write_atomically(output / "key.json", json.dumps(key, indent=1).encode())


def _picture(place: Place, folder: Path | None) -> Tensor:
    """A face (3, h, w) as it is in a folder's version of its photo; None: in the photo itself."""
    left, top, right, bottom = place.box
    pixels = images.load(folder / place.photo.name if folder else place.photo).pixels
    shown = pixels[:, :, top:bottom, left:right]
    factor = SIDE / max(shown.shape[2:])
    if factor < 1:
        shown = F.interpolate(shown, scale_factor=factor, mode="bicubic", antialias=True).clamp(-1, 1)
    return shown[0, :, :SIDE, :SIDE]


def _sheet(cells: Sequence[Tensor]) -> Tensor:
    """Pictures (3, h, w) side by side on white, (1, 3, H, W)."""
    step = SIDE + GAP
    sheet = torch.ones(1, 3, ROWS * step + GAP, COLUMNS * step + GAP)
    for k, cell in enumerate(cells):
        top, left = GAP + k // COLUMNS * step, GAP + k % COLUMNS * step
        sheet[0, :, top : top + cell.shape[1], left : left + cell.shape[2]] = cell
    return sheet
