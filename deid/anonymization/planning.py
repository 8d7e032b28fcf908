"""Many photos: which files there are to do, which cannot be done, and which are no photos.

What looks like a photo becomes a job, whether it can be read or not: reading it says so, by name, and counts.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deid.anonymization import batch, wishes
from deid.anonymization.batch import Job
from deid.anonymization.wishes import UsageError
from deid.photo import folders
from deid.photo.folders import Listing
from deid.photo.images import ImageError


@dataclass(frozen=True)
class Plan:
    """``jobs``; ``refused``: what is not even tried, and why; ``ignored``: files that are no photos."""

    jobs: list[Job]
    refused: list[tuple[Path, str]]
    ignored: list[Path]


def plan_batch(inputs: Sequence[str], output: Path, boxes: Path | None) -> Plan:
    """What there is to do. Raises before anything is written when it cannot work."""
    by_name = wishes.read(boxes)
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
        wishes.refuse_elsewhere(job.wishes, job.source, f"{boxes}: {job.name}")
    return plan


def _named(source: Path) -> str:
    """The result's name for a source's: an old container becomes one that holds today's encodings."""
    return (source.with_suffix(".mkv") if source.suffix.lower() == ".avi" else source).as_posix()


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
