"""What an earlier run did already: the same photo with the same settings is not done again."""

from pathlib import Path

from deid import storage
from deid.anonymization import batch, manifest
from deid.anonymization.batch import Job
from deid.anonymization.options import Options


def request(job: Job, options: Options) -> dict:
    """What was asked for, as the record of a result says it: the photo's bytes, boxes and settings."""
    asked = {"source_sha256": storage.sha256(job.source), "boxes": job.boxes}
    return asked | manifest.settings(options)


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
        asked = request(job, options)
    except OSError:
        return False
    return all(record.get(name) == value for name, value in asked.items())
