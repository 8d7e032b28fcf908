"""Which of the marked faces were found, and which finds are none."""

from collections.abc import Sequence
from typing import NamedTuple

from deid.photo.faces import Box, overlap

# A find counts when it shares so much of the union with a marked face. Detectors differ in what of a head
# they call the face: forehead, ears and chin, or less. The boxes of two that mean the same face share 0.5 to
# 0.9 of their union, and less where it is turned; boxes that mean two faces share under 0.3.
FOUND = 0.4
IGNORED = 0.2  # shared with a place that is to be ignored
SMALLEST = 10  # pixels: smaller faces are to be ignored


class Marked(NamedTuple):
    """The faces of a photo that were marked, and places in which a find is neither right nor wrong."""

    faces: list[Box]
    ignored: list[Box]


class Count(NamedTuple):
    """How many ``faces`` were marked, how many of them ``found``, and how many finds are ``false``."""

    faces: int
    found: int
    false: int


def count(finds: Sequence[Box], marked: Marked) -> Count:
    """Compare finds, the best first, with what was marked. Each face is found once; twice is not false."""
    left, false = list(marked.faces), 0
    for box in finds:
        best = max(left, key=lambda face: overlap(box, face), default=None)
        if best is not None and overlap(box, best) >= FOUND:
            left.remove(best)
        elif not _excused(box, marked):
            false += 1
    return Count(len(marked.faces), len(marked.faces) - len(left), false)


def mark(faces: Sequence[Box], ignored: Sequence[Box]) -> Marked:
    """Faces of less than ``SMALLEST`` pixels are to be ignored, as are the places that are anyway."""
    small = [box for box in faces if max(box[2] - box[0], box[3] - box[1]) < SMALLEST]
    return Marked([box for box in faces if box not in small], [*ignored, *small])


def _excused(box: Box, marked: Marked) -> bool:
    """Whether a find is no mistake: one more on a face, or one in a place to be ignored."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    inside = any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in marked.ignored)
    again = any(overlap(box, face) >= FOUND for face in marked.faces)
    return inside or again or any(overlap(box, place) >= IGNORED for place in marked.ignored)
