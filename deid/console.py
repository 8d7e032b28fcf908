"""What the command line does with a photo, a clip, a camera: bars, and lines that say what became of it."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from deid import machine
from deid.anonymization import batch, looking, pipeline, previews, reruns, review, telling
from deid.anonymization.albums import Album
from deid.anonymization.batch import Job
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.anonymization.planning import Plan
from deid.anonymization.results import Result
from deid.bars import bar, say
from deid.photo import formats, images
from deid.photo.images import Photo
from deid.terminal import printable

GIF_SIDE = 640
FACES_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"


def prepare(options: Options) -> None:
    """Make what the method needs once on this machine, with a bar; if another process does so, wait."""
    with bar(desc="building the library of references, once", leave=False, delay=1) as shown:
        for done, total in options.prepare():
            if not total and shown.total is None:
                say("another process builds the library of references; waiting for it")
            shown.total = total
            shown.update(done - shown.n)


def do_file(
    job: Job, output: Path, options: Options, arguments: argparse.Namespace, album: Album | None = None
) -> bool:
    """Anonymize one photo or clip into the folder ``output`` -> whether it is there."""
    if formats.is_clip(job.source):
        return do_clip(job, output, options, arguments)
    return do_photo(job, output, options, arguments, album)


def do_photo(
    job: Job, output: Path, options: Options, arguments: argparse.Namespace, album: Album | None = None
) -> bool:
    """Anonymize one photo into the folder ``output`` -> whether it is there; one that fails stops no other.

    Photos of an ``album`` are all done: who is in them is not known otherwise.
    """
    if not album and _is_done(job, output, options, arguments.overwrite, arguments.gif):
        return True
    try:
        origin = reruns.origin(job)  # before it is read: a photo that changes meanwhile is done again
        photo = images.load(job.source, keep=options.metadata)
        machine.hold_memory(photo.size[0] * photo.size[1])
        result, frames = _anonymize(job, photo, options, arguments.gif, album)
        gif = _gif_writer(frames) if frames else None
        record = manifest(result, options) | origin
        written = batch.write_result(result, output / job.name, record, arguments.keep_faceless, gif)
    except Exception as error:  # the border of one photo: whatever it is, it is said, and the others go on
        _failed(job, error, output)
        return False
    _say_done(job, telling.summary(result, options.min_score), written)
    if result.doubtful:
        by_hand = job.wishes is not None and job.wishes.faces is not None
        say(f"{job.source}: {telling.warning(result.doubtful, by_hand)}", sys.stderr)
    return written


def do_clip(job: Job, output: Path, options: Options, arguments: argparse.Namespace) -> bool:
    """The same for a clip."""
    if _is_done(job, output, options, arguments.overwrite):
        return True
    from deid.video import running  # photos need nothing of it, and it is slow to import

    stage = ""
    try:
        with bar(unit="frame", leave=False) as shown:
            for step in running.steps(job, options, output, arguments.keep_faceless):
                if step.stage != stage:
                    stage = step.stage
                    shown.reset(step.total or None)
                    shown.set_description_str(f"{stage}, {printable(job.name)}")
                shown.update(step.done - shown.n)
    except Exception as error:  # as for a photo
        _failed(job, error, output)
        return False
    _say_done(job, step.summary, step.written)
    return step.written


def look(plans: Sequence[Plan], options: Options, only: bool) -> int:
    """Write what a person decides by, for all photos; ``only`` pictures, else boxes to edit -> exit code."""
    jobs = [job for plan in plans for job in plan.jobs]
    clips = [job for job in jobs if formats.is_clip(job.source)]
    failed = sum(len(plan.refused) for plan in plans)
    with bar(total=len(jobs) - len(clips), unit="photo") as shown:
        for plan in plans:
            photos = [job for job in plan.jobs if not formats.is_clip(job.source)]
            write = previews.preview if only else review.review
            for done in write(photos, options, plan.output, _draw):
                _say_looked_at(done, plan.output if only else None)
                failed += bool(done.problem)
                shown.update()
    if clips:
        say(f"{len(clips)} clips were not looked at: boxes are for photos")
    if not only:
        boxes = plans[0].output / review.BOXES
        say(f"look at the pictures in {plans[0].output} (they show the faces), edit {boxes}, hand it over:")
        say(f"--boxes {boxes}, with another folder for the results")
    return 1 if failed else 0


def _draw(photo: Tensor, faces: Sequence[review.Numbered]) -> Tensor:
    from deid.figures import overlay  # slow to import, and only one option needs it

    return overlay.overlay(
        photo, [overlay.Mark(one.face.box, one.text, overlay.OF_CHOICES[one.do]) for one in faces]
    )


def _say_looked_at(done: review.Reviewed, output: Path | None) -> None:
    """What was found in one photo; where only a preview is written to ``output``, face by face."""
    doubtful = sum(one.doubtful for one in done.faces)
    told = done.problem or f"{len(done.faces)} faces, {doubtful} of them doubtful"
    say(f"{done.job.source}: {told}", sys.stderr if done.problem else None)
    if output and not done.problem:
        for one in done.faces:
            x1, y1, x2, y2 = one.face.box
            box = f"x {x1:.0f} to {x2:.0f}, y {y1:.0f} to {y2:.0f}"
            say(f"  {one.number}: {box}, score {one.face.score:.2f}, would be: {one.do}")
        say(f"  {previews.path_of(done.job, output)} (shows the faces)")


def show_camera(camera: int, options: Options) -> int:
    """Show a camera's picture until a key is pressed -> the exit code."""
    from deid.video import live  # as above

    prepare(options)
    pipeline.check_options(options)
    with bar(desc="q ends", unit="frame") as shown, contextlib.suppress(KeyboardInterrupt):
        for _ in live.show(camera, options):
            shown.update()
    return 0


def _is_done(job: Job, output: Path, options: Options, again: bool, gif: bool = False) -> bool:
    """Whether an earlier run did just this, and nothing is to be done again; if so it is said."""
    done = not again and reruns.is_done(job, options, output, gif)
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
    with bar(desc=f"faces of {printable(job.name)}", leave=False, bar_format=FACES_BAR) as shown:
        for step in pipeline.steps(photo, options, sight, every, album):
            shown.total = step.total
            shown.update(max(0, step.done - shown.n))
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
