"""The command line: ``python -m deid PHOTO_OR_FOLDER... -o OUT``. Parses, calls, prints."""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from torch import Tensor
from tqdm import tqdm

from deid import arguments as command_line
from deid.anonymization import batch, pipeline, planning, reruns, telling
from deid.anonymization.batch import Job, UsageError
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.anonymization.pipeline import Result
from deid.devices import resolve_device
from deid.generators import WeightsError
from deid.photo import detection, formats, images
from deid.photo.images import ImageError, Photo
from deid.video import live, running

GIF_SIDE = 640
FACES_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"


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
            return _webcam(given.webcam, options)
        plan = planning.plan_batch(given.inputs, given.output, given.boxes)
        held.enter_context(reruns.alone(plan.jobs, given.output))
        resolve_device(options.device)  # whoever asks for one that is not there need not wait for the library
        _prepare(options)
        pipeline.check_options(options)
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
    written: list[bool] = []
    every = len(plan.jobs) + len(plan.refused)
    try:
        for job in tqdm(plan.jobs, desc="photos", unit="photo"):
            written.append((run_clip if formats.is_clip(job.source) else run)(job, options, given))
    except KeyboardInterrupt:
        _say(f"stopped after {len(written)} of {every} photos; what was written is whole", sys.stderr)
        return 130
    what = "photos and clips" if any(formats.is_clip(job.source) for job in plan.jobs) else "photos"
    _say(f"{sum(written)} of {every} {what} written to {given.output}")
    return 0 if sum(written) == every else 1


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


def run(job: Job, options: Options, arguments: argparse.Namespace) -> bool:
    """Anonymize one photo -> whether it is there; a photo that fails stops no other."""
    target = arguments.output / job.name
    if not arguments.overwrite and reruns.is_done(job, options, arguments.output, arguments.gif):
        _say(f"{job.source}: done by an earlier run, and unchanged (--overwrite does it again)")
        return True
    try:
        origin = reruns.origin(job)  # before it is read: a photo that changes meanwhile is done again
        result, frames = _anonymize(
            job, images.load(job.source, keep=options.metadata), options, arguments.gif
        )
        gif = _gif_writer(frames) if frames else None
        record = manifest(result, options) | origin
        written = batch.write_result(result, target, record, arguments.keep_faceless, gif)
    except Exception as error:  # the border of one photo: whatever it is, it is said, and the others go on
        _failed(job, error, arguments.output)
        return False
    unwritten = "" if written else "; not written (--keep-faceless writes it)"
    _say(f"{job.source}: {telling.summary(result)}{unwritten}")
    if result.doubtful:
        _say(f"{job.source}: {telling.warning(result.doubtful, options, job.boxes is not None)}", sys.stderr)
    return written


def run_clip(job: Job, options: Options, arguments: argparse.Namespace) -> bool:
    """The same for a clip."""
    if not arguments.overwrite and reruns.is_done(job, options, arguments.output):
        _say(f"{job.source}: done by an earlier run, and unchanged (--overwrite does it again)")
        return True
    stage = ""
    try:
        with tqdm(unit="frame", leave=False) as bar:
            for step in running.steps(job, options, arguments.output, arguments.keep_faceless):
                if step.stage != stage:
                    stage = step.stage
                    bar.reset(step.total or None)
                    bar.set_description_str(f"{stage}, {telling.printable(job.name)}")
                bar.update(step.done - bar.n)
    except Exception as error:  # as for a photo
        _failed(job, error, arguments.output)
        return False
    unwritten = "" if step.written else "; not written (--keep-faceless writes it)"
    _say(f"{job.source}: {step.summary}{unwritten}")
    return step.written


def _failed(job: Job, error: Exception, output: Path) -> None:
    """Say why there is no result, here and in the manifest."""
    reason = telling.reason(error)
    _say(f"{job.source}: not written: {reason.removeprefix(f'{job.source}: ')}", sys.stderr)
    recorded = telling.without_folders(reason, job.source.parent, output)
    for problem in batch.write_failure(output / job.name, recorded):
        if problem != reason:
            _say(problem, sys.stderr)


def _webcam(camera: int, options: Options) -> int:
    """Show a camera's picture until a key is pressed -> the exit code."""
    _prepare(options)
    pipeline.check_options(options)
    with tqdm(desc="q ends", unit="frame") as bar, contextlib.suppress(KeyboardInterrupt):
        for _ in live.show(camera, options):
            bar.update()
    return 0


def _anonymize(job: Job, photo: Photo, options: Options, gif: bool) -> tuple[Result, list[Tensor]]:
    """The result, and the frames of its GIF if one is wanted."""
    found, seen = None, None
    if job.boxes is not None:
        certain, doubtful = pipeline.look(photo, options)
        found, seen = detection.from_boxes(job.boxes, certain), [*certain, *doubtful]
    frames: list[Tensor] = []
    every = max(1, options.iterations // 30) if gif else 0
    with tqdm(desc=f"faces of {telling.printable(job.name)}", leave=False, bar_format=FACES_BAR) as bar:
        for step in pipeline.steps(photo, options, found, preview_every=every):
            bar.total = step.total
            bar.update(max(0, step.done - bar.n))
            if step.stage == "hidden":
                frames.clear()  # what was drawn before the check is not for others' eyes
            if step.preview is not None:
                frames.append(images.shrink(step.preview, GIF_SIDE))
    assert step.result is not None
    return step.result if seen is None else pipeline.with_visible(step.result, seen), frames


def _gif_writer(frames: list[Tensor]) -> Callable[[Path], Path]:
    from deid import figures  # slow to import, and only one option needs it

    milliseconds = max(80, 1600 // len(frames))  # few frames stay longer
    return lambda path: figures.gif(frames, path, milliseconds=milliseconds)


if __name__ == "__main__":
    sys.exit(main())
