"""A look before anything else: a picture with numbered boxes beside each photo, and nothing but that.

A preview shows the faces, and its file says so: by that it is known again, and may be written over.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from deid.anonymization import batch, review, telling
from deid.anonymization.batch import Job
from deid.anonymization.options import Options
from deid.anonymization.review import Draw, Reviewed
from deid.anonymization.wishes import UsageError
from deid.photo import images

SUFFIX = ".preview.jpg"  # behind a photo's name
MARK = b"deid: a preview, which shows the faces"
BEGINNING = 4096  # bytes of a file that hold the mark


def path_of(job: Job, output: Path) -> Path:
    """Where the preview of a photo is written, for a folder of results."""
    return batch.beside((output / job.name).with_name(job.source.name), SUFFIX)


def is_preview(path: Path) -> bool:
    """Whether an earlier run wrote the file at ``path`` as a preview: it is no input then."""
    if not (path.name.endswith(SUFFIX) and path.is_file()):  # reading a pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            return MARK in file.read(BEGINNING)
    except OSError:
        return False


def refuse_foreign(jobs: Iterable[Job], output: Path) -> None:
    """Raise ``UsageError`` where a file lies in a preview's place that is none."""
    for job in jobs:
        path = path_of(job, output)
        if path.exists() and not is_preview(path):
            raise UsageError(f"{path}: exists, and is no preview; choose another output folder")


def preview(jobs: Iterable[Job], options: Options, output: Path, draw: Draw) -> Iterator[Reviewed]:
    """Look for the faces of each photo and write what ``draw`` makes of it; one that fails stops no other."""
    for job in jobs:
        try:
            faces, picture = review.looked_at(job, options, draw)
            images.save(images.Photo(picture, "JPEG", options={"comment": MARK}), path_of(job, output))
        except Exception as error:  # the border of one photo, as for those that are anonymized
            yield Reviewed(job, problem=telling.reason(error))
        else:
            yield Reviewed(job, faces)
