"""Many photos: which files there are to do, what may be written where, and what one photo leaves."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deid import storage
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.anonymization.pipeline import Result
from deid.photo import images

STARTED = "started, and not finished"  # a status that a killed run leaves behind
BESIDE = (".json", ".gif")  # what may lie beside a photo in the output


class UsageError(ValueError):
    """The command line asks for something that cannot be done; nothing was written."""


@dataclass(frozen=True)
class Job:
    """One photo to do: its file, its name below the output folder, and boxes given by hand, if any."""

    source: Path
    name: str
    boxes: list | None


def plan_batch(inputs: Sequence[str], output: Path, boxes: Path | None) -> tuple[list[Job], list[Path]]:
    """The photos to do and the files passed over. Raises before anything is written when it cannot work."""
    by_name = read_boxes(boxes)
    jobs: dict[str, Job] = {}
    ignored: list[Path] = []
    for given in map(Path, inputs):
        root = given if given.is_dir() else given.parent
        photos = [p for p in images.find(given) if not (given.is_dir() and p.is_relative_to(output))]
        ignored += _passed_over(given, set(photos), output)
        for photo in photos:
            name = photo.relative_to(root).as_posix()
            if name in jobs and jobs[name].source.resolve() != photo.resolve():
                raise UsageError(
                    f"{jobs[name].source} and {photo} would both become {output / name}; run them apart"
                )
            jobs[name] = Job(photo, name, by_name.get(name, by_name.get(photo.name)))
    if not jobs:
        raise UsageError(f"{', '.join(inputs)}: no photos found ({', '.join(images.SUFFIXES)})")
    refuse_overwriting(jobs.values(), output)
    unknown = [
        name for name in by_name if name not in jobs and not any(j.source.name == name for j in jobs.values())
    ]
    if unknown:
        raise UsageError(f"{boxes}: names photos that are not among the inputs: {', '.join(unknown[:5])}")
    return list(jobs.values()), ignored


def read_boxes(path: Path | None) -> dict[str, list]:
    """Boxes [x1, y1, x2, y2] by photo name from a JSON file; empty without one. Raises ``UsageError``."""
    if path is None:
        return {}
    try:
        boxes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None
    if not isinstance(boxes, dict):
        raise UsageError(f'{path}: must hold {{"photo.jpg": [[x1, y1, x2, y2], ...]}}')
    for name, listed in boxes.items():
        for box in listed if isinstance(listed, list) else [None]:
            if not _is_box(box):
                raise UsageError(
                    f"{path}: {name}: {box} is not a box [x1, y1, x2, y2] with x2 > x1 and y2 > y1"
                )
    return boxes


def _is_box(box: object) -> bool:
    if not (isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)):
        return False
    return box[2] > box[0] and box[3] > box[1]


def refuse_overwriting(jobs: Iterable[Job], output: Path) -> None:
    """Raise ``UsageError`` where an output would replace an input, or a file that no earlier run wrote."""
    jobs = list(jobs)
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        target = output / job.name
        record = _earlier_record(target)
        finished = record.get("written") or record.get("status") == STARTED
        for path, ours in (
            (target, finished),
            (_beside(target, ".gif"), finished),
            (_beside(target, ".json"), record),
        ):
            if path.resolve() in sources:
                raise UsageError(f"{path} is an input: choose another output folder")
            if path.is_file() and not ours:
                raise UsageError(f"{path}: exists, and no earlier run wrote it; choose another output folder")


def write_result(
    result: Result,
    target: Path,
    options: Options,
    faceless: bool,
    write_gif: Callable[[Path], object] | None = None,
) -> bool:
    """Write the photo, its GIF by ``write_gif(path)`` and, last, its manifest -> whether a photo was written.

    A photo without a face is written only if ``faceless``.
    """
    write = bool(result.targets or faceless)
    _write_record(target, {"status": STARTED, "written": False})
    beside = _beside(target, ".gif")
    if write_gif and write:
        write_gif(beside)
    else:
        beside.unlink(missing_ok=True)  # an earlier run's shows another result
    if write:
        images.save(result.photo, target)
    else:
        target.unlink(missing_ok=True)
    _write_record(target, manifest(result, options) | {"written": write})
    return write


def write_failure(target: Path, reason: str) -> None:
    """Leave nothing of a photo that failed but a record that says why. Raises ``OSError`` on a full disk."""
    for path in (target, *(_beside(target, suffix) for suffix in BESIDE)):
        path.unlink(missing_ok=True)
    _write_record(target, {"status": f"not written: {reason}", "written": False, "error": reason})


def _passed_over(given: Path, photos: set[Path], output: Path) -> list[Path]:
    """The files of a folder that are no photos."""
    if not given.is_dir():
        return []
    files = [path for path in sorted(given.rglob("*")) if path.is_file()]
    return [path for path in files if path not in photos and not path.is_relative_to(output)]


def _earlier_record(target: Path) -> dict:
    """The manifest that an earlier run left beside ``target``; empty where there is none of ours."""
    try:
        record = json.loads(_beside(target, ".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and {"status", "written"} <= record.keys() else {}


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def _write_record(target: Path, record: dict) -> None:
    storage.write_atomically(_beside(target, ".json"), json.dumps(record, indent=1).encode())
