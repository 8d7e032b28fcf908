"""The measurement: each detector on each photo in each transformation, one record at a time.

Records go to a file as they are made: a run that was stopped goes on where it was.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from deid.evaluation.detection import transformations
from deid.evaluation.detection.detectors import DETECTORS
from deid.evaluation.detection.scores import Marked, count, mark
from deid.photo import detection, images
from deid.photo.faces import Box

TRUTH = Path(__file__).parent / "groups.json"
KEY = ("transformation", "photo", "detector")


def read_truth(path: Path = TRUTH) -> dict[str, Marked]:
    """What was marked by hand, by the photos' names."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {name: Marked(_boxes(entry["faces"]), _boxes(entry["ignore"])) for name, entry in entries.items()}


def _boxes(listed: list[list[float]]) -> list[Box]:
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in listed]


def by_mtcnn(photo: Tensor) -> Marked:
    """What MTCNN finds in an upright photo (1, 3, H, W), in the place of marks: for portraits."""
    (found,) = detection.detect(photo, 0.9, 24)
    return Marked([face.box for face in found], [])


def measure(
    photos: Sequence[Path],
    truth: dict[str, Marked],
    names: Sequence[str],
    detectors: Sequence[str],
    run: Path,
) -> Iterator[dict]:
    """The records of all photos, transformations and detectors; those that ``run`` has are not made again.

    A photo that ``truth`` does not name is compared with ``by_mtcnn``.
    """
    known = {tuple(record[name] for name in KEY): record for record in read_run(run)}
    for path in photos:
        photo = images.load(path).pixels
        marks = truth[path.name] if path.name in truth else by_mtcnn(photo)
        for name in names:
            wanted = [key for key in detectors if (name, path.name, key) not in known]
            yield from (known[name, path.name, key] for key in detectors if key not in wanted)
            if wanted and marks.faces:
                changed, marked = changed_with(name, photo, marks)
                for detector in wanted:
                    record = dict(zip(KEY, (name, path.name, detector), strict=True))
                    record |= of_photo(detector, changed, marked)
                    with run.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(record) + "\n")
                    yield record


def read_run(run: Path) -> list[dict]:
    """The records of an earlier run; none where there was none."""
    return [json.loads(line) for line in run.read_text(encoding="utf-8").splitlines()] if run.exists() else []


def changed_with(name: str, photo: Tensor, marks: Marked) -> tuple[Tensor, Marked]:
    """A photo (1, 3, H, W) and its marks after a transformation."""
    largest: Box = max(marks.faces, key=lambda box: box[3] - box[1])
    changed, places = transformations.change(name, photo, largest)
    return changed, mark(*([new for box in part for new in places(box)] for part in marks))


def of_photo(detector: str, photo: Tensor, marked: Marked) -> dict:
    """What a detector finds in one photo (1, 3, H, W): counts of all its finds, and of the certain ones.

    Milliseconds are those of the processor: other work on the machine does not count.
    """
    begin = time.process_time()
    finds = DETECTORS[detector](photo)
    seconds = time.process_time() - begin
    size = photo.shape[3], photo.shape[2]
    finds = [(_inside(box, size), sure) for box, sure in finds]
    every = count([box for box, _ in finds], marked)
    certain = count([box for box, sure in finds if sure], marked)
    return {
        **every._asdict(),
        "certain_found": certain.found,
        "certain_false": certain.false,
        "ms": round(1000 * seconds),
    }


def _inside(box: Box, size: tuple[int, int]) -> Box:
    """The part of a box that lies in a photo of ``size`` (width, height): marks end at its border as well."""
    (width, height), (x1, y1, x2, y2) = size, box
    return max(x1, -0.5), max(y1, -0.5), min(x2, width - 0.5), min(y2, height - 0.5)
