"""Before anything is hidden: numbered boxes to look at, and a boxes file for a person to edit."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from deid import storage
from deid.anonymization import batch, telling
from deid.anonymization.batch import Job
from deid.anonymization.choices import BLACKOUT, KEEP, REPLACE
from deid.anonymization.looking import Sight, decide
from deid.anonymization.options import Options
from deid.anonymization.wishes import UsageError
from deid.photo import images
from deid.photo.faces import Face

BOXES = "boxes.json"
SIDE = 2400  # pixels of an overlay's longer side, at most
Draw = Callable[[Tensor, Sequence["Numbered"]], Tensor]


@dataclass(frozen=True)
class Numbered:
    """A face with its ``number`` in the photo, what would become of it, and whether it is doubtful."""

    number: int
    face: Face
    do: str
    doubtful: bool

    @property
    def text(self) -> str:
        """What is written at its box: its number, who found it, and how sure that is."""
        return f"{self.number} {'+'.join(self.face.by)} {self.face.score:.2f}"

    def record(self) -> dict:
        """The face as an entry of a boxes file."""
        box = [round(value, 1) for value in self.face.box]
        found = {"found_by": [*self.face.by], "score": round(self.face.score, 2)}
        return {"number": self.number, "box": box, "do": self.do} | found


@dataclass(frozen=True)
class Reviewed:
    """One photo: its ``faces``, or the ``problem`` for which it could not be looked at."""

    job: Job
    faces: Sequence[Numbered] = ()
    problem: str = ""


def refuse_edited(output: Path, overwrite: bool) -> None:
    """Raise ``UsageError`` where a boxes file lies in ``output`` already: it may have been edited."""
    if (path := output / BOXES).exists() and not overwrite:
        raise UsageError(
            f"{path}: exists and may have been edited; choose another folder, or --overwrite writes it anew"
        )


def review(jobs: Sequence[Job], options: Options, output: Path, draw: Draw) -> Iterator[Reviewed]:
    """Look for the faces of all photos, without hiding any; a photo that fails stops no other.

    Beside each name in ``output`` a picture is written that ``draw`` makes of the photo (1, 3, H, W) and its
    faces, and at the end ``BOXES`` with those of all photos. The pictures show the faces.
    """
    entries: dict[str, dict] = {}
    for job in jobs:
        try:
            faces, picture = looked_at(job, options, draw)
            images.save(images.Photo(picture, "JPEG"), batch.beside(output / job.name, batch.REVIEWED))
        except Exception as error:  # the border of one photo, as for those that are anonymized
            yield Reviewed(job, problem=telling.reason(error))
            continue
        regions = [
            {"box": [*region.box], "hide": region.do} for region in (job.wishes.regions if job.wishes else ())
        ]
        entries[job.name] = {"faces": [one.record() for one in faces], "regions": regions}
        yield Reviewed(job, faces)
    storage.write_atomically(output / BOXES, _lines(entries).encode())


def looked_at(job: Job, options: Options, draw: Draw) -> tuple[list[Numbered], Tensor]:
    """The faces of a photo, and what ``draw`` makes of it and them: at most ``SIDE`` pixels a side.

    Raises ``ImageError``.
    """
    photo = images.load(job.source)
    faces = numbered(decide(photo, options, job.wishes), options)
    factor = min(1.0, SIDE / max(photo.size))
    shown = [Numbered(one.number, one.face.scaled(factor), one.do, one.doubtful) for one in faces]
    return faces, draw(images.shrink(photo.pixels, SIDE), shown)


def _lines(entries: dict[str, dict[str, list[dict]]]) -> str:
    """The same as JSON that is easy to edit: a face or a region a line."""
    photos = []
    for name, parts in entries.items():
        listed = []
        for part, members in parts.items():
            rows = ",\n".join(f"  {json.dumps(member)}" for member in members)
            listed.append(f' "{part}": [\n{rows}\n ]' if rows else f' "{part}": []')
        both = ",\n".join(listed)
        photos.append(f"{json.dumps(name)}: {{\n{both}\n}}")
    return "{\n" + ",\n".join(photos) + "\n}\n"


def numbered(sight: Sight, options: Options) -> list[Numbered]:
    """The faces of a photo, the largest first, with numbers from 1."""
    rows = [(face, _usual(face, options)) for face in sight.hidden]
    rows += [(face, BLACKOUT) for face in sight.black]
    rows += [(face, KEEP) for face in (*sight.left, *sight.doubtful)]
    rows.sort(key=lambda row: -row[0].size)
    return [
        Numbered(number, face, do, face.score < options.min_score)
        for number, (face, do) in enumerate(rows, 1)
    ]


def _usual(face: Face, options: Options) -> str:
    """What becomes of a face that is to be hidden."""
    return BLACKOUT if face.score < options.min_score and options.doubtful == BLACKOUT else REPLACE
