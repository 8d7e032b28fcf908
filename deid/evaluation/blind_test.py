"""Do people notice? Results and untouched photos mixed, shown to lookers who do not know which is which.

``python -m deid.evaluation.blind_test sheets PHOTOS --results NAME=FOLDER ... --output OUT`` cuts every face
out of the photos and out of each folder of results (``evaluation.comparison --output`` writes such), at the
photo's own size, and puts them on sheets. Each looker sees each face once, in one version: a face that is
seen twice tells which is the original. A looker writes ``OUT/looker-1.json``: for each number 0 (nothing
noticed), 1 (something, on a second look) or 2 (wrong at once), and may add a few words: ``{"001": [2, "two
chins"]}``. ``... blind_test score OUT`` prints a line for each version. The untouched photos are the control:
what they get is how suspicious the lookers were.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.evaluation.statistics import Interval, bootstrap
from deid.photo import detection, images
from deid.photo.faces import Face
from deid.photo.images import ImageError, Photo
from deid.storage import write_atomically

UNTOUCHED = "untouched"
SMALLEST = 60  # pixels of a face that is shown
COLUMNS, ROWS = 4, 3  # pictures on a sheet, in the order in which one reads
SIDE, GAP = 460, 16  # pixels of the largest picture, which is shrunk to that, and of the white around it
AROUND = 1.0  # faces, to each side of the middle of one
VERDICTS = (0, 1, 2)


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


def verdicts(folder: Path) -> dict[str, dict[str, list[int]]]:
    """By version and face all that was said. Lookers who are not done are left out.

    Raises ``ValueError``, naming the file, where what a looker wrote is no verdict.
    """
    found: dict[str, dict[str, list[int]]] = {}
    for looker, key in json.loads((folder / "key.json").read_text(encoding="utf-8")).items():
        path = folder / f"{looker}.json"
        if not path.is_file():
            continue
        said = json.loads(path.read_text(encoding="utf-8"))
        for number, (face, version) in key.items():
            verdict = said.get(number)
            verdict = verdict[0] if isinstance(verdict, list) and verdict else verdict
            if verdict not in VERDICTS:
                raise ValueError(f"{path}: {number} is {verdict!r}; say 0, 1 or 2 for every number")
            found.setdefault(version, {}).setdefault(face, []).append(verdict)
    return found


def shares(said: Mapping[str, Sequence[int]]) -> dict[str, Interval]:
    """How often nothing was noticed, and how often it was wrong at once; over faces, with 95 % intervals."""
    return {
        name: bootstrap(torch.tensor([sum(v == verdict for v in each) / len(each) for each in said.values()]))
        for name, verdict in (("nothing noticed", 0), ("wrong at once", 2))
    }


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.blind_test", description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("sheets", help="what lookers are shown, and the key")
    make.add_argument("photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER")
    make.add_argument(
        "--results", nargs="+", required=True, metavar="NAME=FOLDER", help="the same photos, done"
    )
    make.add_argument("--output", required=True, type=Path)
    make.add_argument("--lookers", type=int, default=4, help="(%(default)s)")
    make.add_argument("--seed", type=int, default=0)
    score = commands.add_parser("score", help="what they said")
    score.add_argument("folder", type=Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = _arguments(arguments)
    try:
        if given.command == "sheets":
            found = list(places([photo for path in given.photos for photo in images.find(path)]))
            results = {
                name: Path(folder) for name, _, folder in (text.partition("=") for text in given.results)
            }
            count = len(list(sheets(found, results, given.output, given.lookers, given.seed)))
            print(f"{len(found)} faces, {given.lookers} lookers, {count} sheets in {given.output}")
            return 0
        for version, said in verdicts(given.folder).items():
            counted = {name: share.record() for name, share in shares(said).items()}
            seen = sum(len(each) for each in said.values())
            print(json.dumps({"version": version, "faces": len(said), "looks": seen} | counted))
    except (ImageError, ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
