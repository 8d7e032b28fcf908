"""From portraits to a library: find the face, pass the gates, crop, measure, write."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import locks, storage
from deid.photo import alignment, detection, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.photo.images import ImageError
from deid.recognition import recognisers
from deid.references import attributes, gates, looks, mattes
from deid.references.entries import Entry, entries_of, write_library
from deid.references.library import Library
from deid.references.sources import Portrait, PortraitSource

DETECTION_SIDE = 640  # the longest side, in pixels, that the detector looks at
SIZES = (256, 512, 1024)
UNREADABLE = "unreadable"
FINER = 1.2  # a crop has at most this many pixels for each one of the picture


@dataclass(frozen=True, eq=False)
class BuildProgress:
    """``done`` of ``total`` portraits. ``reason``: why the last one was rejected; empty: it is a reference.

    ``thumbnail`` (1, 3, 64, 64) is the crop's, or that of the whole picture; None for one that cannot be
    read. ``accepted`` and ``rejected`` (by reason) count the portraits of this run so far.
    """

    done: int
    total: int
    name: str
    reason: str
    thumbnail: Tensor | None
    accepted: int
    rejected: Counter[str] = field(default_factory=Counter)


def build(portraits: PortraitSource, path: str | Path, once: bool = False) -> Iterator[BuildProgress]:
    """Add all ``portraits`` that pass the gates to the library at ``path``, which is written at the end.

    Yields a record for each. With ``once`` nothing is done where a library is there already. Raises
    ``LibraryError`` where the path holds a file that is no library, ``LockError`` where another process
    changes the library.
    """
    with storage.only_one(path, [Path(path).parent], locks.outside(path, Path(path).parent)):
        if not (once and Path(path).exists()):
            yield from _build(portraits, path)


def _build(portraits: PortraitSource, path: str | Path) -> Iterator[BuildProgress]:
    """The same, where the library is ours."""
    library = Library.open(path) if Path(path).exists() else None
    entries, rejected = (entries_of(library), dict(library.rejected)) if library else ([], {})
    before, counted = len(entries), Counter[str]()
    for done, portrait in enumerate(portraits, 1):
        made, reason, thumbnail = None, UNREADABLE, None
        if not isinstance(portrait, ImageError):
            made, reason, thumbnail = examine(portrait)
        if made:
            entries.append(made)
        else:
            counted[reason] += 1
        name = str(portrait) if isinstance(portrait, ImageError) else portrait.name
        yield BuildProgress(
            done, portraits.total, name, reason, thumbnail, len(entries) - before, Counter(counted)
        )
    write_library(path, _identified(entries), {**rejected, portraits.name: counted})


def examine(portrait: Portrait) -> tuple[Entry | None, str, Tensor]:
    """A portrait -> (what the library stores of it, "", thumbnail) or (None, why not, thumbnail)."""
    pixels = portrait.pixels
    faces = faces_of(pixels)
    size = (pixels.shape[3], pixels.shape[2])
    if reason := gates.face_reason(faces, size):
        return None, reason, _small(pixels)
    crop, landmarks, matrix = aligned(pixels, faces[0])
    side, thumbnail = crop.shape[3], _small(crop)
    if reason := gates.expression_reason(portrait.expression):
        return None, reason, thumbnail
    measured = attributes.measure(crop, landmarks)
    # What a source says of an expression is more certain than what is seen.
    told = "" if portrait.expression else looks.reason(crop, landmarks)
    uneven = "" if portrait.seen else gates.light_reason(crop, landmarks)
    if reason := gates.look_reason(crop, measured) or told or uneven:
        return None, reason, thumbnail
    inside = F.interpolate(_inside(matrix, side, size), (mattes.SIDE, mattes.SIDE), mode="area")
    own = mattes.matte(crop, landmarks) * inside
    embedding = recognisers.embed_crops("openface", crop, landmarks[None] * side - 0.5, enlarge=1)
    entry = Entry(
        portrait.name,
        portrait.identity,
        portrait.source,
        portrait.licence,
        side,
        measured,
        picture=images.to_jpeg(crop),
        thumbnail=torch.from_numpy(images.to_uint8(thumbnail)[0]).permute(2, 0, 1).contiguous(),
        matte=(own[0] * 255).round().to(torch.uint8),
        landmarks=landmarks,
        embedding=embedding[0],
    )
    return entry, "", thumbnail


def native_side(face: Face) -> int:
    """The side, in pixels, at which a face's crop loses little and invents little."""
    native = alignment.scale(DCGAN_FRAME.matrix(face)) * DCGAN_FRAME.size
    return max([side for side in SIZES if side <= FINER * native], default=SIZES[0])


def aligned(pixels: Tensor, face: Face) -> tuple[Tensor, Tensor, Tensor]:
    """A face's crop (1, 3, S, S), its landmarks (5, 2) as fractions of the side, and the matrix (2, 3)."""
    side = native_side(face)
    matrix = DCGAN_FRAME.resized(side).matrix(face)
    landmarks = ((alignment.apply(alignment.invert(matrix), face.points()) + 0.5) / side).float()
    return alignment.crop(pixels, matrix, side), landmarks, matrix


def faces_of(pixels: Tensor) -> list[Face]:
    """Faces of a picture (1, 3, H, W), largest first, looked for in a smaller one."""
    small = images.shrink(pixels, DETECTION_SIDE)
    (found,) = detection.detect(small, min_size=40)
    return [face.scaled(pixels.shape[3] / small.shape[3]) for face in found]


def _inside(matrix: Tensor, side: int, picture_size: tuple[int, int]) -> Tensor:
    """1 where a frame shows the picture, 0 where it shows the reflection beyond its border (1, 1, S, S)."""
    steps = torch.arange(side, dtype=torch.float64)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    positions = alignment.apply(matrix, torch.stack([x, y], -1).reshape(-1, 2))
    last = torch.tensor(picture_size, dtype=torch.float64) - 1
    return ((positions >= 0) & (positions <= last)).all(1).reshape(1, 1, side, side).float()


def _small(pixels: Tensor) -> Tensor:
    return F.interpolate(pixels, (64, 64), mode="area")


def _identified(entries: list[Entry]) -> list[Entry]:
    """The entries, near duplicates under one identity."""
    if not entries:
        return entries
    names = gates.same_people(
        torch.stack([entry.embedding for entry in entries]),
        torch.stack([entry.thumbnail for entry in entries]),
        [entry.identity for entry in entries],
        [entry.source for entry in entries],
    )
    return [replace(entry, identity=name) for entry, name in zip(entries, names, strict=True)]
