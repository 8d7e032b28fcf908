"""Where portraits of people who do not exist come from: a package, a folder or tar, a set, a generator."""

import importlib.util
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from deid import downloads
from deid.photo import images
from deid.photo.images import ImageError
from deid.references.library import LibraryError

OPENPEOPLE_LICENCE = "MIT (openpeople 0.1.2, Prompt Haus; drawn by Gemini 3 Pro, as its metadata says)"
# The cells of its sheet of emotions, row by row, as the labels under them say.
EXPRESSIONS = (
    "neutral happy sad angry surprised disgusted scared confused smug flirty thoughtful pensive exhausted"
    " shocked playful determined"
).split()
VIEWS = ("front", "left", "back", "right")  # the upper row of its character sheet
PORTRAITS = ("studio_portrait", "amateur_selfie")
# Drawn by an image model, and yet someone who exists: by eye, and to dlib, to which the portraits are as like
# the photos of an actress as these are among each other (``evaluation.resemblance``).
SOMEONE_REAL = ("P003",)
# Found by looking at what was drawn with it: its own hair lies on the cheek as a dark stripe.
UNFIT = ("P008-amateur_selfie",)

FAKER = "assets-person-portrait"
FAKER_LICENCE = "CC0 1.0 (github.com/faker-js/assets-person-portrait; drawn by Stable Diffusion 3)"
FAKER_COMMIT = "63aef57b5a839aebe3ad913ec7c76469aabbb6c5"
FAKER_ADDRESS = f"https://raw.githubusercontent.com/faker-js/{FAKER}/{FAKER_COMMIT}/"
FAKER_NAMES = tuple(f"{sex}/512/{number}.jpg" for sex in ("female", "male") for number in range(100))


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture (1, 3, H, W) of one person. ``expression``: as its source labels it, or "". ``seen``: all
    of its source were looked at, and uneven light passes."""

    name: str
    identity: str
    source: str
    licence: str
    pixels: Tensor
    expression: str = ""
    seen: bool = False


@dataclass(frozen=True)
class PortraitSource:
    """``total`` portraits, decoded one by one; in place of a broken one comes its ``ImageError``."""

    name: str
    total: int
    read: Callable[[], Iterator[Portrait | ImageError]]

    def __iter__(self) -> Iterator[Portrait | ImageError]:
        return self.read()


def openpeople_portraits(people: Sequence[str] = ()) -> PortraitSource:
    """The portraits in the package openpeople: nine people, or those named ("P001"), 20 pictures each.

    Sixteen expressions, three views of the head, two larger portraits. The tenth, ``SOMEONE_REAL``, is left
    out where none is named. Raises ``LibraryError`` where the package is missing.
    """
    package = importlib.util.find_spec("openpeople")
    if package is None or package.origin is None:
        raise LibraryError("openpeople: not installed; run: pip install openpeople==0.1.2")
    folders = sorted((Path(package.origin).parent / "data" / "curated").glob("P*"))
    wanted = people or [folder.name for folder in folders if folder.name not in SOMEONE_REAL]
    folders = [folder for folder in folders if folder.name in wanted]

    def read() -> Iterator[Portrait | ImageError]:
        for folder in folders:
            for label, pixels in _pictures(folder / "assets"):
                expression = "neutral" if label in VIEWS else label if label in EXPRESSIONS else ""
                name = f"{folder.name}-{label}"
                own = (name, folder.name, "openpeople", OPENPEOPLE_LICENCE, pixels, expression)
                if name not in UNFIT:
                    yield Portrait(*own, seen=True)

    each = len(EXPRESSIONS) + len(VIEWS) - 1 + len(PORTRAITS)
    unfit = sum(name.startswith(f"{folder.name}-") for folder in folders for name in UNFIT)
    return PortraitSource("openpeople", len(folders) * each - unfit, read)


def _pictures(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """The label and the pixels (1, 3, H, W) of each picture of one person."""
    for name in PORTRAITS:
        yield name, images.load(folder / f"{name}.jpg").pixels
    cells = _cells(images.load(folder / "emotions_sheet.jpg").pixels, 0, 1792)
    yield from zip(EXPRESSIONS, cells, strict=True)
    views = zip(VIEWS, _cells(images.load(folder / "character_sheet.jpg").pixels, 100, 680), strict=True)
    yield from (view for view in views if view[0] != "back")


def _cells(sheet: Tensor, top: int, bottom: int) -> list[Tensor]:
    """The pictures of a sheet between two rows of pixels, without their white borders, row by row."""
    part = sheet[:, :, top:bottom]
    white = (part[0].mean(0) > 0.76).float()
    rows, columns = _between(white.mean(1)), _between(white.mean(0))
    return [part[:, :, y1:y2, x1:x2] for y1, y2 in rows for x1, x2 in columns]


def _between(white: Tensor, margin: int = 3) -> list[tuple[int, int]]:
    """Where pictures begin and end along one axis: between a white border and the next lies one.

    ``margin``: the borders are rounded, and softened by JPEG.
    """
    lines = _lines(white)
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [(first[1] + 1 + margin, second[0] - margin) for first, second in pairs]


def _lines(share: Tensor) -> list[tuple[int, int]]:
    """First and last position of each run in which more than 60 % are white."""
    inside = torch.cat([torch.zeros(1), (share > 0.6).float(), torch.zeros(1)]).diff()
    starts, ends = (inside > 0).nonzero()[:, 0], (inside < 0).nonzero()[:, 0] - 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def folder_portraits(path: str | Path, source: str, licence: str) -> PortraitSource:
    """Every picture in a folder or tar file, one person each: the identity is the file's stem.

    A tar is read where it lies. Raises ``LibraryError`` where there is no picture.
    """
    path = Path(path)
    names = _names(path)
    if not names:
        raise LibraryError(f"{path}: no pictures ({', '.join(images.SUFFIXES)}) in it")

    def read() -> Iterator[Portrait | ImageError]:
        for name, content in _contents(path, names):
            try:
                pixels = images.load(name, content=content).pixels
            except ImageError as error:
                yield error
                continue
            yield Portrait(Path(name).stem, Path(name).stem, source, licence, pixels)

    return PortraitSource(source, len(names), read)


def _names(path: Path) -> list[str]:
    """The pictures in a folder (their paths) or tar (their members), in order."""
    if not path.is_file():
        try:
            return [str(found) for found in images.find(path)]
        except ImageError as error:
            raise LibraryError(str(error)) from None
    try:
        with tarfile.open(path) as archive:
            return sorted(
                member.name
                for member in archive
                if member.isfile() and member.name.lower().endswith(images.SUFFIXES)
            )
    except (tarfile.TarError, OSError, EOFError) as error:
        raise LibraryError(f"{path}: neither a folder nor a readable tar file ({error})") from None


def _contents(path: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Names of pictures and, for those in a tar, their bytes."""
    if not path.is_file():
        yield from ((name, None) for name in names)
        return
    with tarfile.open(path) as archive:
        for name in names:
            member = archive.extractfile(name)
            yield name, member.read() if member else b""


def faker_folder() -> Path:
    """Where the downloaded set of 200 portraits lies."""
    return downloads.cache() / "references" / FAKER


def fetch_faker() -> Iterator[str]:
    """Download the set of 200 portraits, going on where an earlier attempt stopped; yields each name.

    Raises ``DownloadError`` with what to do.
    """
    for name in FAKER_NAMES:
        downloads.fetch(FAKER_ADDRESS + name, path=faker_folder() / name.replace("/512/", "-"))
        yield name


def sampled_portraits(draw: Callable[[int], Tensor], count: int, name: str, licence: str) -> PortraitSource:
    """``count`` faces that a generator draws: ``draw(seed)`` -> (1, 3, R, R), a new person for each seed."""

    def read() -> Iterator[Portrait | ImageError]:
        for seed in range(count):
            label = f"{name}-{seed:05}"
            yield Portrait(label, label, name, licence, draw(seed))

    return PortraitSource(name, count, read)
