"""A clip in, a clip out: searched, cast, drawn. Each way decodes it anew; only boxes are remembered."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deid.anonymization.choices import KEEP
from deid.anonymization.options import Options
from deid.video import casting, paths, searching, tracking
from deid.video.drawing import Painted, Painter, Role, targets_at
from deid.video.paths import Path as FacePath
from deid.video.reading import ClipError, ClipFrame, Reader
from deid.video.searching import EVERY, Finder, Survey
from deid.video.writing import Writer

LOOKING, CHOOSING, DRAWING = "looking for faces", "choosing people", "drawing"
METHODS = ("reference", "onepass", "blur", "pixelate", "blackout")

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ClipResult:
    """What became of a clip: its tracks, what was seen of it, and what did not stay, in words."""

    roles: list[Role]
    survey: Survey
    lost: list[str]


@dataclass(frozen=True)
class ClipProgress:
    """``done`` frames of ``total`` of one way through a clip; the last one carries the ``result``."""

    stage: str
    done: int
    total: int
    result: ClipResult | None = None


def check(options: Options) -> None:
    """Raise ``ClipError`` for what is not done in clips: a method that draws each frame for itself, or takes
    minutes for it, and faces that stay.
    """
    if options.method not in METHODS:
        raise ClipError(f"--method {options.method} is for photos; clips are done by {', '.join(METHODS)}")
    if options.keep_largest or options.only_larger_than or options.doubtful == KEEP:
        raise ClipError(
            "--keep-largest, --only-larger-than and --doubtful keep are for photos; in clips all is hidden"
        )


def follow(survey: Survey, options: Options, every: int = EVERY) -> list[FacePath]:
    """Where each person of a clip is, frame by frame."""
    found = tracking.link(survey.sightings, survey.starts, survey.count, survey.rate, options.min_score)
    return [paths.path_of(track, survey.size, survey.rate, every, options.min_score) for track in found]


def paint(frames: Iterable[ClipFrame], roles: list[Role], options: Options) -> Iterator[Painted]:
    """What frames are to be, one after the other; none stays."""
    painter = Painter(options)
    for frame in frames:
        yield painter.paint(frame.pixels, targets_at(frame.number, roles, options))


def steps(
    source: Path, target: Path, options: Options, find: Finder, *, suffix: str = "", faceless: bool = False
) -> Iterator[ClipProgress]:
    """Anonymize the clip ``source`` into the file ``target``, a clip as ``suffix`` says (that of ``target``).

    Without a face nothing is written, unless ``faceless``. Raises ``ClipError`` and ``WriteError``.
    """
    check(options)
    with Reader(source) as reader:
        total, lost, unit = reader.count, reader.dropped(), reader.unit
        survey = yield from _told(searching.survey(reader.frames(), find, unit), LOOKING, total)
    tracks, total, roles = follow(survey, options), survey.count, list[Role]()
    if tracks:
        with Reader(source) as reader:
            chosen = yield from _told(casting.cast(reader.frames(), tracks, options), CHOOSING, total)
        roles = [Role(*pair) for pair in zip(tracks, chosen, strict=True)]
    if roles or faceless:
        with Reader(source) as reader:
            writer = Writer(target, suffix or target.suffix, reader)
            lost += yield from _told(_write(writer, roles, options), DRAWING, total)
    yield ClipProgress("done", total, total, ClipResult(roles, survey, lost))


def _told(way: Generator[int, None, T], stage: str, total: int) -> Generator[ClipProgress, None, T]:
    """One way through a clip, told as progress."""
    while True:
        try:
            yield ClipProgress(stage, next(way), total)
        except StopIteration as done:
            return done.value


def finished(way: Generator[int, None, T]) -> T:
    """What a way through a clip ends with."""
    while True:
        try:
            next(way)
        except StopIteration as done:
            return done.value


def _write(writer: Writer, roles: list[Role], options: Options) -> Generator[int, None, list[str]]:
    """Draw and encode; yields how many frames are done -> what could not be written as it was."""
    painter, number = Painter(options), 0
    try:
        for item in writer.source.everything():
            if isinstance(item, ClipFrame):
                made = painter.paint(item.pixels, targets_at(item.number, roles, options))
                writer.picture(ClipFrame(made.pixels, item.number, item.time))
                number += 1
                yield number
            else:
                writer.packet(item)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return writer.lost
