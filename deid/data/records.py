"""What a dataset holds: lines of its index, one JSON object for each photo, and crops by their names."""

import json
import math
from pathlib import Path, PurePosixPath
from typing import Any

from deid import storage
from deid.photo import images
from deid.photo.faces import LANDMARKS

CROPS = "crops"


def parse(line: bytes) -> dict[str, Any]:
    """The record in a line. Raises ``ValueError`` for what no dataset holds."""
    try:
        record = json.loads(line)
    except RecursionError:
        raise ValueError("lists in lists without end") from None
    faces = record.get("faces") if isinstance(record, dict) else None
    if not isinstance(faces, list) or not _is_text(record, "source") or not _is_text(record, "dropped", ""):
        raise ValueError("a line that is no record of a photo")
    if not all(map(_is_face, faces)):
        raise ValueError(f"{record['source'][:80]!r} has a face that is none")
    return record


def is_ours(path: Path) -> bool:
    """Whether a file has the name of a crop (a killed run leaves some without a line) or of half of one."""
    photo, _, number = path.stem.rpartition("-")
    named = path.suffix == ".png" and number.isdigit() and Path(photo).suffix.lower() in images.SUFFIXES
    return named or path.name.startswith(storage.PARTIAL)


def _is_face(face: Any) -> bool:
    """Whether it says where a face is, and either which crop is its own or why it has none."""
    if not isinstance(face, dict) or len({"crop", "dropped"} & face.keys()) != 1:
        return False
    landmarks = face.get("landmarks")
    points = landmarks if isinstance(landmarks, list) and len(landmarks) == len(LANDMARKS) else [None]
    placed = _are_numbers(face.get("box"), 4) and all(_are_numbers(point, 2) for point in points)
    return (
        placed and _are_numbers([face.get("score")], 1) and _is_text(face, "dropped", "") and _is_crop(face)
    )


def _is_crop(face: dict) -> bool:
    """Whether a face's crop, if it has one, lies in the folder of crops."""
    if "crop" not in face:
        return True
    parts = PurePosixPath(face["crop"]).parts if _is_text(face, "crop") else ()
    return len(parts) > 1 and parts[0] == CROPS and ".." not in parts and "\0" not in face["crop"]


def _is_text(record: dict, name: str, default: str | None = None) -> bool:
    return isinstance(record.get(name, default), str)


def _are_numbers(values: Any, count: int) -> bool:
    """Whether they are so many finite numbers."""
    if not isinstance(values, list) or len(values) != count:
        return False
    return all(type(value) in (int, float) and abs(value) < 1e9 and math.isfinite(value) for value in values)
