"""One clip of a run: its result, whole or not at all, and its manifest beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deid import storage
from deid.anonymization import batch, reruns
from deid.anonymization.batch import STARTED, Job
from deid.anonymization.options import Options
from deid.video import engine, records, searching
from deid.video.reading import ClipError


@dataclass(frozen=True)
class ClipStep:
    """``done`` frames of ``total`` in a ``stage``; the last one says whether the clip was ``written``, and
    in words what became of it.
    """

    stage: str
    done: int
    total: int
    written: bool = False
    summary: str = ""


def steps(job: Job, options: Options, output: Path, faceless: bool = False) -> Iterator[ClipStep]:
    """Anonymize a clip into the folder ``output``.

    One without a face is written only if ``faceless``. Raises ``ClipError`` and ``WriteError``.
    """
    if job.wishes is not None:
        raise ClipError(f"{job.source}: boxes are for photos; a clip's faces move")
    target, origin, result = output / job.name, reruns.origin(job), None
    batch.write_record(target, {"status": STARTED, "written": False})
    with storage.half_file(target) as partial:
        find, suffix = searching.finder(options), target.suffix.lower()
        for step in engine.steps(job.source, partial, options, find, suffix=suffix, faceless=faceless):
            result = step.result
            if result is None:
                yield ClipStep(step.stage, step.done, step.total)
        assert result is not None
        written = bool(result.roles or faceless)
        if written:
            storage.finish(partial, target)
        else:
            target.unlink(missing_ok=True)
    digest = {"result_sha256": storage.sha256(target)} if written else {}
    record = records.clip_record(result, options) | origin | {"written": written} | digest
    batch.write_record(target, record)
    total = result.survey.count
    yield ClipStep("done", total, total, written, records.summary(result))
