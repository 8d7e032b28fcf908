"""Many photos: which files there are to do, which cannot be done, and which are no photos.

What looks like a photo becomes a job, whether it can be read or not: reading it says so, by name, and counts.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deid.anonymization import batch, previews, wishes
from deid.anonymization.batch import Job
from deid.anonymization.wishes import UsageError, Wishes
from deid.photo import folders
from deid.photo.folders import Listing
from deid.photo.inputs import expanded

ADDED = "_anonymized"  # behind the name of a result that lies beside its original


@dataclass(frozen=True)
class Plan:
    """``jobs`` into the folder ``output``; ``refused``: what is not even tried, and why; ``ignored``: files
    that are no photos.
    """

    output: Path
    jobs: list[Job]
    refused: list[tuple[Path, str]]
    ignored: list[Path]


def plan_batch(inputs: Sequence[str], output: Path, boxes: Path | None) -> Plan:
    """What there is to do, with all results in one folder. Raises before anything is written when it cannot
    work.
    """
    by_name = wishes.read(boxes)
    plan = _plan([path for path in expanded(inputs) if not previews.is_preview(path)], output, by_name)
    _check([plan], inputs, by_name, boxes)
    return plan


def plan_beside(inputs: Sequence[str], boxes: Path | None) -> list[Plan]:
    """The same with results beside the originals: ``party_anonymized.jpg``, ``holiday_anonymized/``.

    A result of that name is no input: a shell that expands ``*.jpg`` names those of an earlier run as well.
    """
    by_name = wishes.read(boxes)
    members: dict[str, tuple[Path, list[Path]]] = {}
    for given in expanded(inputs):
        if not _is_own(given):
            output = _beside(given)
            members.setdefault(os.path.realpath(output), (output, []))[1].append(given)
    plans = [_plan(given, output, by_name, ADDED) for output, given in members.values()]
    _check(plans, inputs, by_name, boxes)
    return plans


def refuse_overwriting(plans: Sequence[Plan]) -> None:
    """Raise ``UsageError`` where a result would replace an input, or a file that no earlier run wrote."""
    sources = [job.source for plan in plans for job in plan.jobs]
    for plan in plans:
        batch.refuse_overwriting(plan.jobs, plan.output, sources)


def _plan(given: Iterable[Path], output: Path, by_name: dict[str, Wishes], added: str = "") -> Plan:
    """What there is to do in one folder; ``added`` goes behind the names of photos that are given by name."""
    batch.check_folder(output)
    jobs: dict[str, Job] = {}
    plan = Plan(output, [], [], [])
    for path in given:
        root, listing = _listed(path, output)
        plan.ignored.extend(listing.others)
        plan.refused.extend(listing.closed)
        for photo in sorted([*listing.pictures, *listing.clips]):
            name = _named(photo.relative_to(root), added if root != path else "")
            job = Job(photo, name, by_name.get(name, by_name.get(photo.name)))
            if os.path.realpath(jobs.setdefault(name, job).source) != os.path.realpath(photo):
                batch.refuse_clashes([jobs[name], job], output)
    for job in jobs.values():
        if reason := batch.too_long(job.name, output):
            plan.refused.append((job.source, reason))
        else:
            plan.jobs.append(job)
    return plan


def _check(
    plans: Sequence[Plan], inputs: Sequence[str], by_name: dict[str, Wishes], boxes: Path | None
) -> None:
    """Raise ``UsageError`` where there is nothing to do, names clash, or boxes fit no photo."""
    jobs = [job for plan in plans for job in plan.jobs]
    refused = [path for plan in plans for path, _ in plan.refused]
    if not (jobs or refused):
        raise UsageError(f"{', '.join(inputs)}: no photos found (results of earlier runs do not count)")
    for plan in plans:
        batch.refuse_clashes(plan.jobs, plan.output)
    known = {*(job.name for job in jobs), *(job.source.name for job in jobs), *(p.name for p in refused)}
    if unknown := [name for name in by_name if name not in known]:
        raise UsageError(f"{boxes}: names photos that are not among the inputs: {', '.join(unknown[:5])}")
    for job in jobs:
        wishes.refuse_elsewhere(job.wishes, job.source, f"{boxes}: {job.name}")


def _named(source: Path, added: str) -> str:
    """The result's name for a source's: an old container becomes one that holds today's encodings."""
    named = source.with_suffix(".mkv") if source.suffix.lower() == ".avi" else source
    return named.with_name(named.stem + added + named.suffix).as_posix()


def _beside(given: Path) -> Path:
    """The folder for the results of an input without another one: its own, or of a folder one beside it."""
    if not os.path.isdir(given):
        return given.parent
    folder = Path(os.path.abspath(given)) if given.name in ("", "..") else given
    if not folder.name:
        raise UsageError(f"{given}: nothing can lie beside it; give a folder for the results with -o")
    return folder.with_name(folder.name + ADDED)


def _is_own(given: Path) -> bool:
    """Whether an earlier run left this file beside its original: a result, its record, or a preview."""
    if os.path.isdir(given):
        return False
    photo = given.with_suffix("") if given.suffix in batch.BESIDE else given
    named = photo.stem.endswith(ADDED) and batch.is_result(given, given.parent)
    return named or previews.is_preview(given)


def _listed(given: Path, output: Path) -> tuple[Path, Listing]:
    """The folder that names are relative to, and what lies at ``given`` that no earlier run wrote."""
    if not os.path.isdir(given):
        return given.parent, Listing([given])
    found = folders.walk(given)

    def foreign(paths: Iterable[Path]) -> list[Path]:
        return [path for path in paths if not (batch.is_result(path, output) or _is_own(path))]

    pictures, others, clips = map(foreign, (found.pictures, found.others, found.clips))
    return given, Listing(pictures, others, found.closed, clips)
