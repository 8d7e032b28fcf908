"""Other runs into the same folder: what an earlier one did is not done again; one at a time is at work."""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from deid import locks, storage
from deid.anonymization import batch, manifest
from deid.anonymization.batch import Job
from deid.anonymization.options import Options


def alone(jobs: Iterable[Job], output: Path) -> AbstractContextManager[None]:
    """Hold ``output`` for this run; half files that killed ones left where ``jobs`` are written are removed.

    Raises ``LockError`` where another run is at work there.
    """
    written = {(output / job.name).parent for job in jobs}
    return storage.only_one(output, written, locks.outside(output, output))


def origin(job: Job) -> dict:
    """What a record says of where its result came from: the photo's bytes, and boxes given by hand.

    Of what is no file, or cannot be read, no bytes: whoever loads it says what is wrong.
    """
    readable = job.source.is_file() and os.access(job.source, os.R_OK)  # a pipe would wait for ever
    digest = storage.sha256(job.source) if readable else ""
    return {"source_sha256": digest, "boxes": job.wishes.given if job.wishes else None}


def is_done(job: Job, options: Options, target_folder: Path, gif: bool = False) -> bool:
    """Whether the results of just this lie in ``target_folder``, whole and as they were written."""
    target = target_folder / job.name
    record = batch.earlier_record(target)
    if record.get("written") is not True or record.get("status") != "anonymized":
        return False
    if gif and not batch.beside(target, ".gif").is_file():
        return False
    try:
        if storage.sha256(target) != record.get("result_sha256"):
            return False
        asked = origin(job) | manifest.settings(options)
    except OSError:
        return False
    return all(record.get(name) == value for name, value in asked.items())
