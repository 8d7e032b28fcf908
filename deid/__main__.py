"""The command line: ``python -m deid PHOTO_OR_FOLDER... -o OUT``. Parses, plans, and does one by one."""

import argparse
import contextlib
import dataclasses
import sys

from tqdm import tqdm

from deid import arguments as command_line
from deid import console
from deid.anonymization import batch, pipeline, planning, reruns, review, telling
from deid.anonymization.albums import Album
from deid.anonymization.options import Options
from deid.anonymization.planning import Plan
from deid.anonymization.wishes import UsageError
from deid.console import say
from deid.devices import resolve_device
from deid.generators import WeightsError
from deid.photo import formats
from deid.photo.images import ImageError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code. A console that is gone, or cannot show a name, stops no photo."""
    out, errors = telling.Console(sys.stdout), telling.Console(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), contextlib.ExitStack() as held:
        return _main(arguments, held)


def _main(arguments: list[str] | None, held: contextlib.ExitStack) -> int:
    given = command_line.parse(arguments)
    try:
        names = [field.name for field in dataclasses.fields(Options) if hasattr(given, field.name)]
        options = Options(**{name: getattr(given, name) for name in names})
        if given.webcam is not None:
            return console.show_camera(given.webcam, options)
        plan = planning.plan_batch(given.inputs, given.output, given.boxes)
        held.enter_context(reruns.alone(plan.jobs, given.output))
        resolve_device(options.device)  # whoever asks for one that is not there need not wait for the library
        if given.review:
            review.refuse_edited(given.output, given.overwrite)
        else:
            console.prepare(options)
            pipeline.check_options(options)
        album = Album(options) if options.link else None
    except (UsageError, ImageError, WeightsError, ValueError, OSError) as error:
        say(f"deid: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        say("stopped before the first photo; nothing was written", sys.stderr)
        return 130
    if plan.ignored:
        say(telling.passed_over(plan.ignored))
    for path, reason in plan.refused:
        say(f"{path}: not written: {reason}", sys.stderr)
    return (
        console.review_all(plan, options, given.output) if given.review else _do(plan, options, given, album)
    )


def _do(plan: Plan, options: Options, given: argparse.Namespace, album: Album | None) -> int:
    """Do all photos and clips of a plan -> exit code."""
    written: list[bool] = []
    every = len(plan.jobs) + len(plan.refused)
    clips = [formats.is_clip(job.source) for job in plan.jobs]
    what = "photos and clips" if any(clips) else "photos"
    try:
        for job, clip in zip(tqdm(plan.jobs, desc=what, unit="file"), clips, strict=True):
            done = (
                console.do_clip(job, options, given) if clip else console.do_photo(job, options, given, album)
            )
            written.append(done)
    except KeyboardInterrupt:
        say(f"stopped after {len(written)} of {every} {what}; what was written is whole", sys.stderr)
        return 130
    if every > 1:
        records = {job.name: batch.earlier_record(given.output / job.name) for job in plan.jobs}
        for line in telling.worth_a_look(records):
            say(line)
    say(f"{sum(written)} of {every} {what} written to {given.output}")
    return 0 if sum(written) == every else 1


if __name__ == "__main__":
    sys.exit(main())
