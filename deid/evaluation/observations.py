"""What remains of people after a method: photos are anonymized and looked at once, for whatever judges them.

``observe`` does the slow part and stores it, chunk by chunk. Attackers (``evaluation.attacks``) and measures
of what is left to use (``evaluation.utility``) read the ``Observations`` that it returns. Every attacker
knows where each face was, for the manifest says so: faces are embedded at the original's landmarks, whether
or not a detector still finds them.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor

from deid import storage
from deid.anonymization import pipeline, verification
from deid.anonymization.options import Options
from deid.anonymization.pipeline import Result
from deid.evaluation.expression import expression
from deid.evaluation.workers import spread
from deid.photo import alignment, detection, images, texture
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face, match
from deid.photo.images import Photo
from deid.recognition import recognisers
from deid.references import people as people_of
from deid.references.library import Library

CHUNK = 60  # photos between two files; the 300 people that are listed fill five
REVISION = 4  # of all that makes a result from a photo: what an older one cached is made again
DRAWN = {"reference": 11}  # the same for what only one method does
SMALLEST = 40  # pixels of a face that is looked for
VECTORS = "vectors "  # before a judge's name, in a chunk
SIDE = 64  # pixels of the crops that are stored for distances and for attackers who restore faces


@dataclass
class Observations:
    """N photos after a method, row by row.

    ``vectors`` (N, D) of the face, by judge; ``crops`` (N, 3, 64, 64), aligned by the original's landmarks;
    ``detected`` (N,): whether a face is still found; ``before`` and ``after`` (N, 5, 2): where its landmarks
    were and are, NaN where it is not found; ``expression`` (N, 5); ``sharpness`` (N,) against the
    surroundings; ``seconds`` (N,) a photo; ``shown`` (N, 2): the references of a library that the face is
    made of, as positions there, -1 where it is not.
    """

    vectors: dict[str, Tensor]
    crops: Tensor
    detected: Tensor
    before: Tensor
    after: Tensor
    expression: Tensor
    sharpness: Tensor
    seconds: Tensor
    shown: Tensor

    @property
    def pixels(self) -> Tensor:
        """The crops as images (N, 3, 64, 64) in [-1, 1]."""
        return self.crops.float().div(127.5).sub(1)

    def __getitem__(self, rows) -> "Observations":
        parts = {field.name: getattr(self, field.name)[rows] for field in fields(self)[1:]}
        return Observations({judge: part[rows] for judge, part in self.vectors.items()}, **parts)


def observe(
    paths: Sequence[Path],
    options: Options | None,
    cache: str | Path,
    judges: Sequence[str] = ("dlib",),
    seed: int = 0,
    *,
    workers: int = 1,
) -> Observations:
    """Anonymize the photos (``None``: leave them as they are), each with a seed of its own, and look at them.

    All judges see the same results. Chunks that lie in ``cache`` already, from the same photos, options and
    weights, are not made again. ``workers``: how many processes make the others, a thread each.
    """
    parts = [(paths[start : start + CHUNK], seed + start) for start in range(0, len(paths), CHUNK)]
    files = [Path(cache) / f"{key(part, options, judges, first)}.safetensors" for part, first in parts]
    tasks = [(file, *part, options, judges) for file, part in zip(files, parts, strict=True)]
    spread(_chunk, [task for task in tasks if not task[0].exists()], workers)
    chunks = [_chunk(*task) for task in tasks]
    whole = {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return Observations({judge: whole.pop(f"{VECTORS}{judge}") for judge in judges}, **whole)


def _chunk(
    file: Path, paths: Sequence[Path], first: int, options: Options | None, judges: Sequence[str]
) -> dict[str, Tensor]:
    """The rows of some photos, from ``file`` where they are; ``first`` is the first one's seed."""

    def rows() -> dict[str, Tensor]:
        found = [_row(path, options, judges, first + index) for index, path in enumerate(paths)]
        return {name: torch.stack([row[name] for row in found]) for name in found[0]}

    return storage.cached(file, rows)


def locate_faces(photo: Photo) -> list[Face]:
    """The faces of a photo, the one nearest to its middle first; where none is found one is put there."""
    width, height = photo.size
    (found,) = detection.detect(photo.pixels, 0.9, SMALLEST)
    if not found:
        side = min(width, height) * 0.45
        box = (width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2
        found = detection.from_boxes([box])
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    return sorted(found, key=lambda face: (face.points().mean(0) - middle).norm().item())


def _row(path: Path, options: Options | None, judges: Sequence[str], seed: int) -> dict[str, Tensor]:
    photo = images.load(path)
    found = locate_faces(photo)
    face, begin = found[0], time.perf_counter()
    shown, hidden, shown_as = photo, torch.zeros_like(photo.pixels[:, :1]), [-1, -1]
    if options:
        result = pipeline.anonymize(photo, replace(options, seed=seed), found)
        shown, hidden = result.photo, result.hidden
        shown_as = _references(options, result, face)
    seconds = time.perf_counter() - begin
    (again,) = detection.detect(shown.pixels, 0.9, SMALLEST)
    now = match(face, again)
    crop = alignment.crop(shown.pixels, DCGAN_FRAME.matrix(face), SIDE)
    nowhere = torch.full((5, 2), float("nan"), dtype=torch.float64)
    vectors = {f"{VECTORS}{name}": recognisers.load(name).embed(shown.pixels, [face])[0] for name in judges}
    return vectors | {
        "crops": torch.from_numpy(images.to_uint8(crop)).permute(0, 3, 1, 2)[0],
        "detected": torch.tensor(now is not None),
        "before": face.points(),
        "after": now.points() if now else nowhere,
        "expression": expression(shown.pixels, now or face),
        "sharpness": torch.tensor(texture.sharpness_ratio(shown.pixels, hidden)),
        "seconds": torch.tensor(seconds),
        "shown": torch.tensor(shown_as),
    }


def _references(options: Options, result: Result, face: Face) -> list[int]:
    """The positions in a library of the reference, or the two, that a face is made of; -1 where it is not."""
    names = [target.reference for target in result.targets if target.face is face and not target.black]
    if not any(names):
        return [-1, -1]
    library = Library.open(options.weights or None)
    rows = [place.row for place in people_of.placements(library, names[0])]
    return rows if len(rows) == 2 else [*rows, -1]


def key(paths: Sequence[Path], options: Options | None, judges: Sequence[str], seed: int) -> str:
    """A name for a chunk: whatever its rows depend on.

    Of the options it has those that are not the defaults. So a new option leaves what is stored as it is; a
    new default needs another ``REVISION``.
    """
    drawn = DRAWN.get(options.method, REVISION) if options else REVISION
    revision = [max(REVISION, drawn), recognisers.REVISION]
    what: dict = {
        "photos": [storage.sha256(path) for path in paths],
        "judges": [*judges],
        "revision": revision,
    }
    if options:
        what |= {name: value for name, value in asdict(options).items() if value != getattr(Options, name)}
        what |= {"method": options.method, "mask": options.hole}
        if options.draws:
            files = options.load_method().files_for(options.search)
            what["weights"] = [storage.sha256(path) for path in files]
        what["verification"] = verification.record(options)
    return hashlib.sha256(json.dumps(what | {"seed": seed}, sort_keys=True).encode()).hexdigest()[:20]
