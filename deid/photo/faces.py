"""A face in a photo: its box, score and landmarks.

Coordinates are float pixels, x then y, pixel centres at integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Box = tuple[float, float, float, float]  # x1, y1, x2, y2
Point = tuple[float, float]  # x, y
# Left and right as they are seen in a photo in which the face is upright.
LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")


@dataclass(frozen=True)
class Face:
    """A detection in photo pixels: ``box``, ``score`` in [0, 1], five ``landmarks`` (``LANDMARKS``).

    ``by`` names who found it: detectors, and a person who gave a box.
    """

    box: Box
    score: float
    landmarks: tuple[Point, ...]
    by: tuple[str, ...] = ()

    @property
    def size(self) -> float:
        """Longer side of the box in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def moved(self, x: float, y: float) -> "Face":
        """The same face ``x`` pixels further right and ``y`` further down."""
        x1, y1, x2, y2 = self.box
        landmarks = tuple((a + x, b + y) for a, b in self.landmarks)
        return replace(self, box=(x1 + x, y1 + y, x2 + x, y2 + y), landmarks=landmarks)

    def scaled(self, factor: float) -> "Face":
        """The same face in the photo at ``factor`` times its size."""
        x1, y1, x2, y2 = ((value + 0.5) * factor - 0.5 for value in self.box)
        landmarks = tuple(((x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5) for x, y in self.landmarks)
        return replace(self, box=(x1, y1, x2, y2), landmarks=landmarks)

    def mirrored(self, width: int) -> "Face":
        """The same face in the mirror image of a photo ``width`` pixels wide."""
        x1, y1, x2, y2 = self.box
        left_eye, right_eye, nose, left_mouth, right_mouth = ((width - 1 - x, y) for x, y in self.landmarks)
        landmarks = (right_eye, left_eye, nose, right_mouth, left_mouth)
        return replace(self, box=(width - 1 - x2, y1, width - 1 - x1, y2), landmarks=landmarks)

    def record(self) -> dict:
        """The face as plain JSON."""
        known = {
            "box": [round(value, 2) for value in self.box],
            "score": round(self.score, 4),
            # Exact: a result can be repeated from them.
            "landmarks": [list(point) for point in self.landmarks],
        }
        return known | ({"found_by": list(self.by)} if self.by else {})

    def points(self) -> Tensor:
        """Landmarks as a float64 tensor (5, 2)."""
        return torch.tensor(self.landmarks, dtype=torch.float64)


def from_landmarks(points: Tensor) -> Face:
    """The face with these landmarks (5, 2), its box as high and wide as MTCNN's would be."""
    (x, y), unit = points[:2].mean(0).tolist(), (points[1] - points[0]).norm().item()
    box = (x - 1.075 * unit, y - 1.12 * unit, x + 1.075 * unit, y + 1.76 * unit)
    return Face(box, 1.0, tuple(map(tuple, points.tolist())))


def match(face: Face, found: Sequence[Face], least: float = 0.3) -> Face | None:
    """The one of ``found`` that lies where ``face`` lies, by overlap of their boxes, or None."""
    best = max(found, key=lambda other: overlap(face.box, other.box), default=None)
    return best if best is not None and overlap(face.box, best.box) > least else None


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2)."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / area if area > 0 else 0.0
