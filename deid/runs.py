"""One run of the command line: what there is to do is planned, done file by file, and counted."""

import argparse
import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from deid import console, effects, machine, workers
from deid.anonymization import batch, pipeline, planning, previews, reruns, review, telling
from deid.anonymization.albums import Album
from deid.anonymization.batch import Job
from deid.anonymization.options import Options
from deid.anonymization.planning import Plan
from deid.bars import bar, say
from deid.devices import resolve_device
from deid.generators import WeightsError
from deid.photo import formats
from deid.photo.images import ImageError


def run(given: argparse.Namespace, options: Options) -> int:
    """Do what was asked for -> exit code: 0 all, 1 something was not written, 2 wrong usage, 130 stopped."""
    machine.hold_memory()
    with contextlib.ExitStack() as held:
        try:
            for sentence in effects.without(given, options):
                say(f"deid: {sentence}", sys.stderr)
            if given.webcam is not None:
                return console.show_camera(given.webcam, options)
            if given.cluster:
                _connect(given.cluster)
            if given.store:
                return _do_store(options, given)
            plans = _planned(given, options)
            for plan in plans:
                held.enter_context(reruns.alone(plan.jobs, plan.output))
            resolve_device(options.device)  # whoever asks for one that is not there need not wait
            if not (given.review or given.preview):
                console.prepare(options)
                pipeline.check_options(options)
            album = Album(options) if options.link else None
        except (ImageError, WeightsError, ValueError, OSError) as error:
            say(f"deid: {error}", sys.stderr)
            return 2
        except KeyboardInterrupt:
            say("stopped before the first photo; nothing was written", sys.stderr)
            return 130
        _say_passed_over(plans)
        if given.review or given.preview:
            return console.look(plans, options, given.preview)
        return _do(plans, options, given, album)


def _planned(given: argparse.Namespace, options: Options) -> list[Plan]:
    """What there is to do, by folder of results; options that have no effect on it are said."""
    if given.output:
        plans = [planning.plan_batch(given.inputs, given.output, given.boxes)]
    else:
        plans = planning.plan_beside(given.inputs, given.boxes)
    for plan in plans:
        if given.preview:
            previews.refuse_foreign(plan.jobs, plan.output)
        if given.review:
            review.refuse_edited(plan.output, given.overwrite)
    if not given.preview:
        planning.refuse_overwriting(plans)
    clips = [formats.is_clip(job.source) for plan in plans for job in plan.jobs]
    for sentence in effects.without_files(given, options, clips.count(False), clips.count(True)):
        say(f"deid: {sentence}", sys.stderr)
    return plans


def _say_passed_over(plans: Sequence[Plan]) -> None:
    if ignored := [path for plan in plans for path in plan.ignored]:
        say(telling.passed_over(ignored))
    for path, reason in (refused for plan in plans for refused in plan.refused):
        say(f"{path}: not written: {reason}", sys.stderr)


def _do(plans: Sequence[Plan], options: Options, given: argparse.Namespace, album: Album | None) -> int:
    """Do all photos and clips of the plans -> exit code."""
    written: list[bool] = []
    jobs = [(plan.output, job) for plan in plans for job in plan.jobs]
    every = len(jobs) + sum(len(plan.refused) for plan in plans)
    what = "photos and clips" if any(formats.is_clip(job.source) for _, job in jobs) else "photos"
    try:
        for done in bar(_results(jobs, options, given, album), desc=what, unit="file", total=len(jobs)):
            written.append(done)
    except KeyboardInterrupt:
        say(f"stopped after {len(written)} of {every} {what}; what was written is whole", sys.stderr)
        return 130
    if every > 1:
        shown = {
            output / job.name: job.name if len(plans) == 1 else str(output / job.name) for output, job in jobs
        }
        records = {name: batch.earlier_record(path) for path, name in shown.items()}
        for line in telling.worth_a_look(records):
            say(line)
    where = f"to {given.output}" if given.output else f"beside the originals, as NAME{planning.ADDED}"
    say(f"{sum(written)} of {every} {what} written {where}")
    return 0 if sum(written) == every else 1


def _results(
    jobs: Sequence[tuple[Path, Job]], options: Options, given: argparse.Namespace, album: Album | None
) -> Iterator[bool]:
    """Do all jobs, here or on the cluster -> whether each is written.

    Here photos are done in several processes where that was asked for, but not those of an album: each looks
    at who was in those before it.
    """
    if not given.cluster:
        photos = [at for at in jobs if not formats.is_clip(at[1].source)]
        if not album and (processes := workers.count(given.workers, photos, options)) > 1:
            yield from workers.each(photos, options, given, processes)
            jobs = [at for at in jobs if formats.is_clip(at[1].source)]
        for output, job in jobs:
            yield console.do_file(job, output, options, given, album)
        return
    from deid.cluster import anonymizing

    errand = anonymizing.Errand(options, given)
    yield from _told(anonymizing.do([(str(output), job) for output, job in jobs], errand))


def _connect(address: str) -> None:
    from deid.cluster import engine  # imported only for this

    engine.connect(address)


def _do_store(options: Options, given: argparse.Namespace) -> int:
    """Do all photos of an object store, or of a folder into one -> exit code."""
    from deid.cluster import anonymizing

    console.prepare(options)
    pipeline.check_options(options)
    jobs, errand = anonymizing.plan(options, given)
    results = _told(anonymizing.do(jobs, errand))
    written = sum(bar(results, desc="photos", unit="file", total=len(jobs)))
    say(f"{written} of {len(jobs)} photos written to {given.output}")
    return 0 if written == len(jobs) else 1


def _told(results: Iterable[Any]) -> Iterator[bool]:
    """Say what machines of a cluster say of their files -> whether each is written."""
    from deid.cluster.engine import ClusterError

    try:
        for done in results:
            for text, stream in ((done["out"], sys.stdout), (done["errors"], sys.stderr)):
                for line in str(text).splitlines():
                    say(line, stream)
            yield bool(done["written"])
    except ClusterError as error:  # of files that are not done it is counted how many
        say(f"deid: {error}", sys.stderr)
