"""The command line: ``python -m deid PHOTO_OR_FOLDER... -o OUT``. Parses, calls, prints."""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from torch import Tensor
from tqdm import tqdm

from deid.anonymization import batch, looking, pipeline, planning, reruns, review, telling
from deid.anonymization.albums import Album
from deid.anonymization.batch import Job, UsageError
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.anonymization.results import Result
from deid.arguments import parser
from deid.devices import resolve_device
from deid.generators import WeightsError
from deid.photo import images
from deid.photo.images import ImageError, Photo

GIF_SIDE = 640
FACES_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code. A console that is gone, or cannot show a name, stops no photo."""
    out, errors = telling.Console(sys.stdout), telling.Console(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), contextlib.ExitStack() as held:
        return _main(arguments, held)


def _main(arguments: list[str] | None, held: contextlib.ExitStack) -> int:
    given = parser().parse_args(arguments)
    try:
        names = [field.name for field in dataclasses.fields(Options) if hasattr(given, field.name)]
        options = Options(**{name: getattr(given, name) for name in names})
        plan = planning.plan_batch(given.inputs, given.output, given.boxes)
        held.enter_context(reruns.alone(plan.jobs, given.output))
        if given.review:
            review.refuse_edited(given.output, given.overwrite)
        resolve_device(options.device)  # whoever asks for one that is not there need not wait for the library
        _prepare(options)
        pipeline.check_options(options)
        album = Album(options) if options.link else None
    except (UsageError, ImageError, WeightsError, ValueError, OSError) as error:
        _say(f"deid: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        _say("stopped before the first photo; nothing was written", sys.stderr)
        return 130
    if plan.ignored:
        _say(telling.passed_over(plan.ignored))
    for path, reason in plan.refused:
        _say(f"{path}: not written: {reason}", sys.stderr)
    if given.review:
        return _review(plan, options, given.output)
    written: list[bool] = []
    every = len(plan.jobs) + len(plan.refused)
    try:
        for job in tqdm(plan.jobs, desc="photos", unit="photo"):
            written.append(run(job, options, given, album))
    except KeyboardInterrupt:
        _say(f"stopped after {len(written)} of {every} photos; what was written is whole", sys.stderr)
        return 130
    if every > 1:
        for line in telling.worth_a_look(
            {job.name: batch.earlier_record(given.output / job.name) for job in plan.jobs}
        ):
            _say(line)
    _say(f"{sum(written)} of {every} photos written to {given.output}")
    return 0 if sum(written) == every else 1


def _review(plan: planning.Plan, options: Options, output: Path) -> int:
    """Write what a person decides by -> exit code."""
    from deid.figures import overlay  # slow to import, and only one option needs it

    def draw(photo: Tensor, faces: Sequence[review.Numbered]) -> Tensor:
        colours = {"keep": 2, "replace": 0, "blackout": 1}
        return overlay.overlay(
            photo, [overlay.Mark(one.face.box, one.text, colours[one.do]) for one in faces]
        )

    failed = len(plan.refused)
    for done in tqdm(review.review(plan.jobs, options, output, draw), total=len(plan.jobs), unit="photo"):
        doubtful = sum(one.doubtful for one in done.faces)
        told = done.problem or f"{len(done.faces)} faces, {doubtful} of them doubtful"
        _say(f"{done.job.source}: {told}", sys.stderr if done.problem else None)
        failed += bool(done.problem)
    _say(
        f"look at the pictures in {output} (they show the faces), edit {output / review.BOXES},"
        f" and hand it over: --boxes {output / review.BOXES} with another folder for the results"
    )
    return 1 if failed else 0


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print one line above the bars."""
    tqdm.write(telling.printable(text), file=stream or sys.stdout)


def _prepare(options: Options) -> None:
    """Make what the method needs once on this machine, with a bar; if another process does so, wait."""
    with tqdm(desc="building the library of references, once", leave=False, delay=1) as bar:
        for done, total in options.prepare():
            if not total and bar.total is None:
                _say("another process builds the library of references; waiting for it")
            bar.total = total
            bar.update(done - bar.n)


def run(job: Job, options: Options, arguments: argparse.Namespace, album: Album | None = None) -> bool:
    """Anonymize one photo -> whether it is there; a photo that fails stops no other.

    Photos of an ``album`` are all done: who is in them is not known otherwise.
    """
    target = arguments.output / job.name
    if not (arguments.overwrite or album) and reruns.is_done(job, options, arguments.output, arguments.gif):
        _say(f"{job.source}: done by an earlier run, and unchanged (--overwrite does it again)")
        return True
    try:
        origin = reruns.origin(job)  # before it is read: a photo that changes meanwhile is done again
        photo = images.load(job.source, keep=options.metadata)
        result, frames = _anonymize(job, photo, options, arguments.gif, album)
        gif = _gif_writer(frames) if frames else None
        record = manifest(result, options) | origin
        written = batch.write_result(result, target, record, arguments.keep_faceless, gif)
    except Exception as error:  # the border of one photo: whatever it is, it is said, and the others go on
        reason = telling.reason(error)
        _say(f"{job.source}: not written: {reason.removeprefix(f'{job.source}: ')}", sys.stderr)
        recorded = telling.without_folders(reason, job.source.parent, arguments.output)
        for problem in batch.write_failure(target, recorded):
            if problem != reason:
                _say(problem, sys.stderr)
        return False
    unwritten = "" if written else "; not written (--keep-faceless writes it)"
    _say(f"{job.source}: {telling.summary(result, options.min_score)}{unwritten}")
    if result.doubtful:
        by_hand = job.wishes is not None and job.wishes.faces is not None
        _say(f"{job.source}: {telling.warning(result.doubtful, by_hand)}", sys.stderr)
    return written


def _anonymize(
    job: Job, photo: Photo, options: Options, gif: bool, album: Album | None
) -> tuple[Result, list[Tensor]]:
    """The result, and the frames of its GIF if one is wanted."""
    sight = looking.decide(photo, options, job.wishes)
    frames: list[Tensor] = []
    every = max(1, options.iterations // 30) if gif else 0
    with tqdm(desc=f"faces of {telling.printable(job.name)}", leave=False, bar_format=FACES_BAR) as bar:
        for step in pipeline.steps(photo, options, sight, every, album):
            bar.total = step.total
            bar.update(max(0, step.done - bar.n))
            if step.stage == "hidden":
                frames.clear()  # what was drawn before the check is not for others' eyes
            if step.preview is not None:
                frames.append(images.shrink(step.preview, GIF_SIDE))
    assert step.result is not None
    return step.result, frames


def _gif_writer(frames: list[Tensor]) -> Callable[[Path], Path]:
    from deid import figures  # slow to import, and only one option needs it

    milliseconds = max(80, 1600 // len(frames))  # few frames stay longer
    return lambda path: figures.gif(frames, path, milliseconds=milliseconds)


if __name__ == "__main__":
    sys.exit(main())
