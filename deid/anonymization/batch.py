"""What may be written where, and what one photo leaves in the output folder: itself, a GIF, a manifest."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deid import storage
from deid.anonymization.results import Result
from deid.anonymization.wishes import UsageError, Wishes
from deid.photo import images

STARTED = "started, and not finished"  # a status that a killed run leaves behind
BESIDE = (".json", ".gif")  # what may lie beside a photo in the output
REVIEWED = ".review.jpg"  # behind a photo's name: what ``--review`` leaves to look at
LONGEST = 255  # of a file's name, where the system does not say


@dataclass(frozen=True)
class Job:
    """One photo or clip to do: its file, its name below the output folder, and what a person decided."""

    source: Path
    name: str
    wishes: Wishes | None


def check_folder(output: Path) -> None:
    """Raise ``UsageError`` where ``output`` is not, or cannot become, a folder that one can write to."""
    there = _nearest(output)
    if not os.path.isdir(there):
        raise UsageError(f"{there}: not a folder; choose another output folder")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UsageError(
            f"{there}: cannot be written to ({error.strerror}); choose another output folder"
        ) from None


def too_long(name: str, output: Path) -> str:
    """Why no file system would hold what ``name`` leaves in ``output``; empty where one does."""
    try:
        longest = os.pathconf(_nearest(output), "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows has no such question
        longest = LONGEST
    *folders, last = PurePosixPath(name).parts
    over = [part for part in (*folders, last + BESIDE[0]) if _length(part) > longest]
    return f"its name is too long: {over[0]} has more than {longest} bytes; rename it" if over else ""


def refuse_clashes(jobs: Iterable[Job], output: Path, case_blind: bool | None = None) -> None:
    """Raise ``UsageError`` where two photos would leave files of one name.

    So it does where one needs a folder that is the other's file. On a disk that takes ``A`` and ``a`` for one
    name (None: ask it) so does this.
    """
    blind = _is_case_blind(_nearest(output)) if case_blind is None else case_blind

    def key(path: str | PurePosixPath) -> str:
        return str(path).casefold() if blind else str(path)

    owners: dict[str, Job] = {}
    jobs = list(jobs)
    for job in jobs:
        for suffix in ("", *BESIDE):
            other = owners.setdefault(key(job.name + suffix), job)
            if other is not job:
                raise UsageError(
                    f"{other.source} and {job.source} would both become {output / (job.name + suffix)}; "
                    "run them apart"
                )
    for job in jobs:
        for folder in PurePosixPath(job.name).parents:
            if blocking := owners.get(key(folder)):
                raise UsageError(
                    f"{blocking.source} would become a file and {job.source} needs a folder of that name, "
                    f"{output / folder}; run them apart"
                )


def refuse_overwriting(jobs: Iterable[Job], output: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise ``UsageError`` where an output would replace an input, or a file that no earlier run wrote."""
    jobs = list(jobs)
    sources = {os.path.realpath(path) for path in (*inputs, *(job.source for job in jobs))}
    for job in jobs:
        for path, ours in _left(output / job.name).items():
            if os.path.realpath(path) in sources:
                raise UsageError(f"{path} is an input: choose another output folder")
            if os.path.lexists(path) and (not ours or os.path.isdir(path)):
                raise UsageError(f"{path}: exists, and no earlier run wrote it; choose another output folder")


def is_result(path: Path, output: Path) -> bool:
    """Whether an earlier run wrote the file at ``path`` into ``output``: it is no input then."""
    if Path(os.path.realpath(output)) not in Path(os.path.realpath(path)).parents:
        return False
    if path.name.endswith(REVIEWED):
        return True
    targets = [path, path.with_suffix("")] if path.suffix in BESIDE else [path]
    return any(_left(target)[path] for target in targets)


def write_result(
    result: Result,
    target: Path,
    record: dict,
    faceless: bool,
    write_gif: Callable[[Path], object] | None = None,
) -> bool:
    """Write the photo, its GIF by ``write_gif(path)`` and, last, its ``record`` -> whether it was written.

    A photo without a face, of which nothing else was asked, is written only if ``faceless``.
    """
    write = bool(result.targets or result.left or result.regions or faceless)
    write_record(target, {"status": STARTED, "written": False})
    process = beside(target, ".gif")
    if write_gif and write:
        write_gif(process)
    else:
        process.unlink(missing_ok=True)  # an earlier run's shows another result
    if write:
        images.save(result.photo, target)
    else:
        target.unlink(missing_ok=True)
    written = {"written": write} | ({"result_sha256": storage.sha256(target)} if write else {})
    write_record(target, record | written)
    return write


def write_failure(target: Path, reason: str) -> list[str]:
    """Leave nothing of a photo that failed but a record that says why -> what of that could not be done.

    Raises nothing, and no record stays that says of a missing photo that it was written: where the record can
    be neither replaced nor removed, what an earlier run left stays whole.
    """
    problems = []
    record = beside(target, ".json")
    try:
        write_record(target, {"status": f"not written: {reason}", "written": False, "error": reason})
    except OSError as error:
        problems.append(str(error))
    stale = [record] if problems else []
    for path in (*stale, beside(target, ".gif"), target):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            problems.append(f"{path}: what an earlier run left stays there ({error.strerror})")
            if path == record:
                break
    return problems


def _left(target: Path) -> dict[Path, bool]:
    """The files that belong to ``target``, and whether an earlier run wrote them, if they are there."""
    record = earlier_record(target)
    finished = bool(record.get("written")) or record.get("status") == STARTED
    photo_and_gif = {target: finished, beside(target, ".gif"): finished}
    return photo_and_gif | {beside(target, ".json"): bool(record)}


def earlier_record(target: Path) -> dict:
    """The manifest that an earlier run left beside ``target``; empty where there is none of ours."""
    try:
        record = json.loads(beside(target, ".json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and {"status", "written"} <= record.keys() else {}


def beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def write_record(target: Path, record: dict) -> None:
    """Write what is said of ``target`` beside it. Raises ``WriteError``."""
    storage.write_atomically(beside(target, ".json"), json.dumps(record, indent=1).encode())


def _nearest(path: Path) -> Path:
    """``path``, or where nothing is there the nearest folder above it."""
    return next((there for there in (path, *path.parents) if os.path.lexists(there)), Path())


def _length(name: str) -> int:
    """What a file system counts of a name: bytes, on Windows units of UTF-16."""
    return len(name.encode("utf-16-le", "surrogatepass")) // 2 if os.name == "nt" else len(os.fsencode(name))


def _is_case_blind(folder: Path) -> bool:
    """Whether the disk takes ``A`` and ``a`` for one name; False where the folder's path has no letter."""
    real = os.path.realpath(folder)
    try:
        return real != real.swapcase() and os.path.samefile(real, real.swapcase())
    except OSError:
        return False
