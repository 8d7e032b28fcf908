"""What a person decided about photos: boxes of faces, what becomes of each, and regions without a face.

A boxes file is JSON, by photo name: a list of boxes, or ``{"faces": [...], "regions": [...]}``. A face is a
box ``[x1, y1, x2, y2]`` in pixels, or ``{"box": [...], "do": "replace"}``, which may be "blackout" or "keep";
a region is a box, or ``{"box": [...], "hide": "blackout"}``, which may be "pixelate" or "blur". ``--review``
writes such a file to be edited.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deid.anonymization.choices import CLASSICAL, DO
from deid.photo import opening
from deid.photo.faces import Box

TOLD = ("number", "found_by", "score")  # what ``--review`` adds for whoever edits the file
FARTHEST = 1e308  # what is beyond has no place: infinity, and whole numbers that no float can hold
SMALLEST = 2  # pixels: whoever gives boxes as shares of the photo would hide nothing
LARGEST = 3  # times the photo's side: a box may reach beyond the border, where a face does


class UsageError(ValueError):
    """Something is asked for that cannot be done; nothing was written."""


@dataclass(frozen=True)
class Wish:
    """What becomes of the face, or of the region, in a ``box``: one of ``DO``, or of ``CLASSICAL``."""

    box: Box
    do: str


@dataclass(frozen=True)
class Wishes:
    """What is wanted for one photo: its ``faces`` (None: those that are detected) and its ``regions``.

    ``given`` is the same as it stood in the file.
    """

    faces: list[Wish] | None
    regions: list[Wish]
    given: Any


def read(path: Path | None) -> dict[str, Wishes]:
    """The wishes by photo name from a boxes file; empty without one. Raises ``UsageError``."""
    if path is None:
        return {}
    try:
        # In UTF-8 or UTF-16, with or without a mark.
        given = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None
    if not isinstance(given, dict):
        raise UsageError(f'{path}: must hold {{"photo.jpg": [[x1, y1, x2, y2], ...]}}')
    return {name: _of_photo(value, f"{path}: {name}") for name, value in given.items()}


def refuse_elsewhere(wishes: Wishes | None, photo: Path, told: str) -> None:
    """Raise ``UsageError`` for a box that cannot lie in its ``photo``: nothing would be hidden there.

    ``told`` begins the sentence: the boxes file, and the photo's name in it.
    """
    boxes = [wish.box for wish in (*(wishes.faces or ()), *wishes.regions)] if wishes else []
    if not boxes or (size := opening.size_of(photo)) is None:
        return
    for box in boxes:
        sides = [box[k + 2] - box[k] for k in (0, 1)]
        apart = any(box[k + 2] <= 0 or box[k] >= size[k] for k in (0, 1))
        if min(sides) < SMALLEST:
            raise UsageError(f"{told}: {[*box]} has a side under {SMALLEST} pixels; give pixels, not shares")
        if apart or any(sides[k] > LARGEST * size[k] for k in (0, 1)):
            wrong = "lies outside of" if apart else f"is more than {LARGEST} times as large as"
            raise UsageError(f"{told}: {[*box]} {wrong} the photo, {size[0]}x{size[1]} pixels")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of a boxes file; of a name that comes twice the first boxes would be forgotten."""
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise ValueError(f"{name} is named {count} times")
    return dict(pairs)


def _of_photo(given: object, told: str) -> Wishes:
    """The wishes for one photo; ``told`` begins the sentence that says what is wrong with them."""
    if isinstance(given, dict):
        _refuse_others(given, ("faces", "regions"), told)
        faces, regions = given.get("faces"), given.get("regions", [])
    else:
        faces, regions = given, []
    wanted = None if faces is None and isinstance(given, dict) else _listed(faces, "do", DO, told)
    return Wishes(wanted, _listed(regions, "hide", CLASSICAL, told), given)


def _listed(given: object, key: str, known: tuple[str, ...], told: str) -> list[Wish]:
    """A list of boxes, plain or with what is to be done to each under ``key``: one of ``known``."""
    wishes = []
    for entry in given if isinstance(given, list) else [given]:
        box, do = entry, known[0]
        if isinstance(entry, dict):
            _refuse_others(entry, ("box", key, *TOLD), told)
            box, do = entry.get("box"), entry.get(key, known[0])
        if not _is_box(box):
            raise UsageError(f"{told}: {box!s:.100} is not a box [x1, y1, x2, y2] with x2 > x1 and y2 > y1")
        if do not in known:
            raise UsageError(f"{told}: {key} must be one of {', '.join(known)}, not {do!r:.80}")
        wishes.append(Wish(tuple(box), do))  # type: ignore[arg-type]  # it has four numbers
    return wishes


def _refuse_others(given: dict, known: tuple[str, ...], told: str) -> None:
    if others := sorted(given.keys() - set(known)):
        raise UsageError(f"{told}: {others[0]!r:.80} is not known here; known are {', '.join(known)}")


def _is_box(box: object) -> bool:
    if not (isinstance(box, list) and len(box) == 4 and all(type(v) in (int, float) for v in box)):
        return False
    return all(-FARTHEST < v < FARTHEST for v in box) and box[2] > box[0] and box[3] > box[1]
