"""What the command line does with a photo, a clip, a camera: bars, and lines that say what became of it."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from torch import Tensor
from tqdm import tqdm

from deid.anonymization import batch, looking, pipeline, reruns, review, telling
from deid.anonymization.albums import Album
from deid.anonymization.batch import Job
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.anonymization.planning import Plan
from deid.anonymization.results import Result
from deid.photo import formats, images
from deid.photo.images import Photo
from deid.video import live, running

GIF_SIDE = 640
FACES_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"
COLOURS = {"replace": 0, "blackout": 1, "keep": 2}  # of boxes that are reviewed


def say(text: str, stream: TextIO | None = None) -> None:
    """Print one line above the bars."""
    tqdm.write(telling.printable(text), file=stream or sys.stdout)


def prepare(options: Options) -> None:
    """Make what the method needs once on this machine, with a bar; if another process does so, wait."""
    with tqdm(desc="building the library of references, once", leave=False, delay=1) as bar:
        for done, total in options.prepare():
            if not total and bar.total is None:
                say("another process builds the library of references; waiting for it")
            bar.total = total
            bar.update(done - bar.n)


def do_photo(job: Job, options: Options, arguments: argparse.Namespace, album: Album | None = None) -> bool:
    """Anonymize one photo -> whether it is there; a photo that fails stops no other.

    Photos of an ``album`` are all done: who is in them is not known otherwise.
    """
    if not album and _is_done(job, options, arguments, arguments.gif):
        return True
    try:
        origin = reruns.origin(job)  # before it is read: a photo that changes meanwhile is done again
        photo = images.load(job.source, keep=options.metadata)
        result, frames = _anonymize(job, photo, options, arguments.gif, album)
        gif = _gif_writer(frames) if frames else None
        record = manifest(result, options) | origin
        written = batch.write_result(
            result, arguments.output / job.name, record, arguments.keep_faceless, gif
        )
    except Exception as error:  # the border of one photo: whatever it is, it is said, and the others go on
        _failed(job, error, arguments.output)
        return False
    _say_done(job, telling.summary(result, options.min_score), written)
    if result.doubtful:
        by_hand = job.wishes is not None and job.wishes.faces is not None
        say(f"{job.source}: {telling.warning(result.doubtful, by_hand)}", sys.stderr)
    return written


def do_clip(job: Job, options: Options, arguments: argparse.Namespace) -> bool:
    """The same for a clip."""
    if _is_done(job, options, arguments):
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
    _say_done(job, step.summary, step.written)
    return step.written


def review_all(plan: Plan, options: Options, output: Path) -> int:
    """Write what a person decides by, for all photos -> exit code."""
    from deid.figures import overlay  # slow to import, and only one option needs it

    def draw(photo: Tensor, faces: Sequence[review.Numbered]) -> Tensor:
        marks = [overlay.Mark(one.face.box, one.text, COLOURS[one.do]) for one in faces]
        return overlay.overlay(photo, marks)

    photos, failed = [job for job in plan.jobs if not formats.is_clip(job.source)], len(plan.refused)
    for done in tqdm(review.review(photos, options, output, draw), total=len(photos), unit="photo"):
        doubtful = sum(one.doubtful for one in done.faces)
        told = done.problem or f"{len(done.faces)} faces, {doubtful} of them doubtful"
        say(f"{done.job.source}: {told}", sys.stderr if done.problem else None)
        failed += bool(done.problem)
    if clips := len(plan.jobs) - len(photos):
        say(f"{clips} clips were not looked at: boxes are for photos")
    boxes = output / review.BOXES
    say(f"look at the pictures in {output} (they show the faces), edit {boxes}, and hand it over:")
    say(f"--boxes {boxes}, with another folder for the results")
    return 1 if failed else 0


def show_camera(camera: int, options: Options) -> int:
    """Show a camera's picture until a key is pressed -> the exit code."""
    prepare(options)
    pipeline.check_options(options)
    with tqdm(desc="q ends", unit="frame") as bar, contextlib.suppress(KeyboardInterrupt):
        for _ in live.show(camera, options):
            bar.update()
    return 0


def _is_done(job: Job, options: Options, arguments: argparse.Namespace, gif: bool = False) -> bool:
    """Whether an earlier run did just this, and nothing is to be done again; if so it is said."""
    done = not arguments.overwrite and reruns.is_done(job, options, arguments.output, gif)
    if done:
        say(f"{job.source}: done by an earlier run, and unchanged (--overwrite does it again)")
    return done


def _say_done(job: Job, summary: str, written: bool) -> None:
    say(f"{job.source}: {summary}{'' if written else '; not written (--keep-faceless writes it)'}")


def _failed(job: Job, error: Exception, output: Path) -> None:
    """Say why there is no result, here and in the manifest."""
    reason = telling.reason(error)
    say(f"{job.source}: not written: {reason.removeprefix(f'{job.source}: ')}", sys.stderr)
    recorded = telling.without_folders(reason, job.source.parent, output)
    for problem in batch.write_failure(output / job.name, recorded):
        if problem != reason:
            say(problem, sys.stderr)


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
