"""Many photos: which files there are to do, which cannot be done, and which are no photos.

What looks like a photo becomes a job, whether it can be read or not: reading it says so, by name, and counts.
"""

import glob
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deid.anonymization import batch
from deid.anonymization.batch import Job, UsageError
from deid.photo import folders, opening
from deid.photo.folders import Listing
from deid.photo.images import ImageError

FARTHEST = 1e308  # what is beyond has no place: infinity, and whole numbers that no float can hold
SMALLEST = 2  # pixels: whoever gives boxes as shares of the photo would hide nothing
LARGEST = 3  # times the photo's side: a box may reach beyond the border, where a face does


@dataclass(frozen=True)
class Plan:
    """``jobs``; ``refused``: what is not even tried, and why; ``ignored``: files that are no photos."""

    jobs: list[Job]
    refused: list[tuple[Path, str]]
    ignored: list[Path]


def plan_batch(inputs: Sequence[str], output: Path, boxes: Path | None) -> Plan:
    """What there is to do. Raises before anything is written when it cannot work."""
    by_name = read_boxes(boxes)
    batch.check_folder(output)
    jobs: dict[str, Job] = {}
    plan = Plan([], [], [])
    for given in _expanded(inputs):
        root, listing = _listed(given, output)
        plan.ignored.extend(listing.others)
        plan.refused.extend(listing.closed)
        for photo in sorted([*listing.pictures, *listing.clips]):
            name = _named(photo.relative_to(root))
            job = Job(photo, name, by_name.get(name, by_name.get(photo.name)))
            if os.path.realpath(jobs.setdefault(name, job).source) != os.path.realpath(photo):
                batch.refuse_clashes([jobs[name], job], output)
    for job in jobs.values():
        if reason := batch.too_long(job.name, output):
            plan.refused.append((job.source, reason))
        else:
            plan.jobs.append(job)
    if not (plan.jobs or plan.refused):
        raise UsageError(f"{', '.join(inputs)}: no photos found")
    batch.refuse_clashes(plan.jobs, output)
    batch.refuse_overwriting(plan.jobs, output)
    known = {*jobs, *(job.source.name for job in jobs.values())}
    if unknown := [name for name in by_name if name not in known]:
        raise UsageError(f"{boxes}: names photos that are not among the inputs: {', '.join(unknown[:5])}")
    for job in plan.jobs:
        _refuse_boxes_elsewhere(job, boxes)
    return plan


def _named(source: Path) -> str:
    """The result's name for a source's: an old container becomes one that holds today's encodings."""
    return (source.with_suffix(".mkv") if source.suffix.lower() == ".avi" else source).as_posix()


def read_boxes(path: Path | None) -> dict[str, list]:
    """Boxes [x1, y1, x2, y2] by photo name from a JSON file; empty without one. Raises ``UsageError``."""
    if path is None:
        return {}
    try:
        # In UTF-8 or UTF-16, with or without a mark.
        boxes = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None
    if not isinstance(boxes, dict):
        raise UsageError(f'{path}: must hold {{"photo.jpg": [[x1, y1, x2, y2], ...]}}')
    for name, listed in boxes.items():
        for box in listed if isinstance(listed, list) else [None]:
            if not _is_box(box):
                raise UsageError(
                    f"{path}: {name}: {box!s:.100} is not a box [x1, y1, x2, y2] with x2 > x1 and y2 > y1"
                )
    return boxes


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of a boxes file; of a name that comes twice the first boxes would be forgotten."""
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise ValueError(f"{name} is named {count} times")
    return dict(pairs)


def _is_box(box: object) -> bool:
    if not (isinstance(box, list) and len(box) == 4 and all(type(v) in (int, float) for v in box)):
        return False
    return all(-FARTHEST < v < FARTHEST for v in box) and box[2] > box[0] and box[3] > box[1]


def _refuse_boxes_elsewhere(job: Job, path: Path | None) -> None:
    """Raise ``UsageError`` for a box that cannot be a face of its photo: nothing would be hidden there."""
    if not job.boxes or (size := opening.size_of(job.source)) is None:
        return
    for box in job.boxes:
        sides = [box[k + 2] - box[k] for k in (0, 1)]
        apart = any(box[k + 2] <= 0 or box[k] >= size[k] for k in (0, 1))
        if min(sides) < SMALLEST:
            raise UsageError(
                f"{path}: {job.name}: {box} has a side under {SMALLEST} pixels; give pixels, not shares"
            )
        if apart or any(sides[k] > LARGEST * size[k] for k in (0, 1)):
            wrong = "lies outside of" if apart else f"is more than {LARGEST} times as large as"
            raise UsageError(f"{path}: {job.name}: {box} {wrong} the photo, {size[0]}x{size[1]} pixels")


def _expanded(inputs: Sequence[str]) -> Iterator[Path]:
    """The inputs; a pattern that the shell did not expand (on Windows none does) is expanded."""
    for given in inputs:
        if os.path.lexists(given):
            yield Path(given)
        elif found := sorted(glob.glob(given, recursive=True)):
            yield from map(Path, found)
        else:
            raise ImageError(f"{given}: no such file or folder")


def _listed(given: Path, output: Path) -> tuple[Path, Listing]:
    """The folder that names are relative to, and what lies at ``given`` that no earlier run wrote."""
    if not os.path.isdir(given):
        return given.parent, Listing([given])
    found = folders.walk(given)
    inputs = [photo for photo in found.pictures if not batch.is_result(photo, output)]
    others = [other for other in found.others if not batch.is_result(other, output)]
    clips = [clip for clip in found.clips if not batch.is_result(clip, output)]
    return given, Listing(inputs, others, found.closed, clips)
