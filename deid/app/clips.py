"""A short clip that a person tries: every face in it is hidden, for boxes do not follow what moves."""

from collections.abc import Iterator
from pathlib import Path

from deid.anonymization.options import Options
from deid.anonymization.planning import ADDED
from deid.app import limits, photos
from deid.app.limits import UploadError
from deid.app.photos import Made, SessionStep
from deid.video import engine, searching
from deid.video.reading import Reader

STAGES = {engine.LOOKING: 0.0, engine.CHOOSING: 0.4, engine.DRAWING: 0.5}  # where each begins, of the whole


def check(source: Path) -> None:
    """Raise ``ClipError`` for what is no clip, and ``UploadError`` for one that is too long."""
    with Reader(source) as reader:
        seconds, count = reader.seconds, reader.count
    if seconds > limits.SECONDS or count > limits.FRAMES:
        raise _too_long(source.name, f"{seconds:.0f} seconds and about {count} frames")


def steps(source: Path, folder: Path, options: Options) -> Iterator[SessionStep]:
    """Anonymize the clip ``source`` into ``folder``; the last step has the result, a file there.

    Raises ``ClipError``, ``WriteError``, and ``UploadError`` for a clip that is longer than its header says.
    """
    check(source)
    suffix = source.suffix.lower()
    target = folder / f"{source.stem}{ADDED}{'.mkv' if suffix == '.avi' else suffix}"
    result, find = None, searching.finder(options)
    for step in engine.steps(source, target, options, find):
        if step.done > limits.FRAMES:
            raise _too_long(source.name, f"more than {limits.FRAMES} frames")
        if step.result is None:
            begins = STAGES[step.stage]
            length = min([at for at in STAGES.values() if at > begins], default=1.0) - begins
            yield SessionStep(step.stage, begins + length * min(1.0, step.done / max(1, step.total)))
        result = step.result
    assert result is not None
    content = target if result.roles else None
    hidden = [(role.disguise.method, role.disguise.reason) for role in result.roles]
    lost = [f"not written again: {', '.join(result.lost)}"] if result.lost else []
    yield SessionStep("done", 1.0, Made(target.name, content, photos.told(hidden, 0, lost)))


def _too_long(name: str, told: str) -> UploadError:
    return UploadError(
        f"{name}: {told}, and clips of at most {limits.SECONDS} seconds and {limits.FRAMES} frames are done "
        "here; cut it shorter, or use the command line, which has no such limit"
    )
