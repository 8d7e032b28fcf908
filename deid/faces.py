"""All geometry: where faces are, the frame they are brought into, and the exact way back.

Coordinates are float pixels, x then y, pixel centres at integers. ``crop`` and ``paste`` share one
2x3 similarity matrix that maps frame coordinates to photo coordinates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deid import images

LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")  # as seen in the photo


@dataclass(frozen=True)
class Face:
    """A detection: ``box`` (x1, y1, x2, y2), ``score`` in [0, 1], ``landmarks`` five (x, y) in photo pixels."""

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]

    @property
    def size(self) -> float:
        """Longer side of the box in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def moved(self, x: float, y: float) -> "Face":
        """The same face ``x`` pixels further right and ``y`` further down."""
        x1, y1, x2, y2 = self.box
        return Face((x1 + x, y1 + y, x2 + x, y2 + y), self.score, tuple((a + x, b + y) for a, b in self.landmarks))

    def scaled(self, factor: float) -> "Face":
        """The same face in the photo at ``factor`` times its size."""
        box, *points = ([(v + 0.5) * factor - 0.5 for v in values] for values in (self.box, *self.landmarks))
        return Face(tuple(box), self.score, tuple(map(tuple, points)))

    def mirrored(self, width: int) -> "Face":
        """The same face in the mirror image of a photo ``width`` pixels wide."""
        x1, y1, x2, y2 = self.box
        left_eye, right_eye, nose, left_mouth, right_mouth = ((width - 1 - x, y) for x, y in self.landmarks)
        landmarks = (right_eye, left_eye, nose, right_mouth, left_mouth)
        return Face((width - 1 - x2, y1, width - 1 - x1, y2), self.score, landmarks)

    def record(self) -> dict:
        """The face as plain JSON."""
        return {
            "box": [round(value, 2) for value in self.box],
            "score": round(self.score, 4),
            "landmarks": [list(point) for point in self.landmarks],  # exact: a result can be repeated from them
        }

    def points(self) -> Tensor:
        """Landmarks as a float64 tensor (5, 2)."""
        return torch.tensor(self.landmarks, dtype=torch.float64)


@dataclass(frozen=True)
class Frame:
    """A square of ``size`` pixels and where the five landmarks sit in it, as fractions of its side."""

    size: int
    template: tuple[tuple[float, float], ...]

    def points(self) -> Tensor:
        """Template landmarks in frame pixels, (5, 2)."""
        return torch.tensor(self.template, dtype=torch.float64) * self.size - 0.5

    def matrix(self, face: Face) -> Tensor:
        """The least-squares similarity (2, 3) that maps frame pixels to photo pixels for this face."""
        return similarity(self.points(), face.points())

    def resized(self, size: int) -> "Frame":
        """The same view of the face at another resolution."""
        return Frame(size, self.template)


# Eye distance 0.28 of the side: the outline from brows to chin fits with surroundings left on every side to judge
# a fill by, and the view stays inside FFHQ's own crop, so that both training sets fill the frame with real pixels.
# The shape is the mean of MTCNN's landmarks over the training portraits.
DCGAN_FRAME = Frame(64, ((0.360, 0.425), (0.640, 0.425), (0.500, 0.592), (0.375, 0.721), (0.625, 0.721)))

# FFHQ's own crop (Karras et al., 2019), which pretrained StyleGAN2 networks know: the mean of MTCNN's landmarks over
# 4,998 of its thumbnails. Eye distance 0.25.
FFHQ_FRAME = Frame(1024, ((0.386, 0.478), (0.635, 0.478), (0.509, 0.625), (0.396, 0.741), (0.623, 0.741)))
FRAMES = {"deid": DCGAN_FRAME, "ffhq": FFHQ_FRAME}


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """Least-squares similarity (2, 3) taking points ``source`` (K, 2) to ``target`` (K, 2); Umeyama (1991), eq. 40-42.

    Without reflection; raises ``ValueError`` when the source points coincide.
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = source - source_mean, target - target_mean
    spread = a.square().sum()
    if spread < 1e-12:
        raise ValueError("landmarks coincide: no similarity transform exists")
    # In 2D the optimal rotation and scale are one complex number: sum(conj(a) b) / sum |a|^2.
    real = (a * b).sum() / spread
    imaginary = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / spread
    linear = torch.stack([torch.stack([real, -imaginary]), torch.stack([imaginary, real])])
    return torch.cat([linear, (target_mean - linear @ source_mean)[:, None]], dim=1)


def scale(matrix: Tensor) -> float:
    """Photo pixels per frame pixel of a similarity matrix (2, 3)."""
    return math.hypot(matrix[0, 0].item(), matrix[1, 0].item())


def invert(matrix: Tensor) -> Tensor:
    """The similarity (2, 3) that undoes ``matrix``."""
    inverse = torch.linalg.inv(matrix[:, :2])
    return torch.cat([inverse, -inverse @ matrix[:, 2:]], dim=1)


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Map points (K, 2) by a 2x3 matrix."""
    return points.to(matrix) @ matrix[:, :2].T + matrix[:, 2]


def square_matrix(face: Face, size: int) -> Tensor:
    """The original study's framing: the box, its centre square (shorter side), resized to ``size``, no rotation."""
    x1, y1, x2, y2 = face.box
    side = min(x2 - x1, y2 - y1)
    step = side / size
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    # Pixel centres: frame pixel 0 covers photo [left, left + step).
    return torch.tensor([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]], dtype=torch.float64)


def overrun(matrix: Tensor, size: int, photo_size: tuple[int, int]) -> float:
    """How far the frame's corners leave the photo (width, height), as a fraction of the frame's side."""
    last = size - 0.5
    corners = apply(matrix, torch.tensor([[-0.5, -0.5], [last, -0.5], [-0.5, last], [last, last]]))
    limit = torch.tensor(photo_size, dtype=corners.dtype) - 0.5
    outside = torch.maximum(-0.5 - corners, corners - limit).max().clamp(min=0)
    return (outside / (scale(matrix) * size)).item()


def crop(photo: Tensor, matrix: Tensor, size: int) -> Tensor:
    """Sample the frame out of ``photo`` (1, C, H, W) -> (1, C, size, size), reflected beyond the border.

    When the photo is finer than the frame every frame pixel is the mean of a grid of samples, so that
    shrinking a large face does not alias.
    """
    fineness = max(1, math.ceil(scale(matrix)))
    offsets = (torch.arange(size * fineness, dtype=torch.float64) + 0.5) / fineness - 0.5
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    positions = apply(matrix, torch.stack([x, y], dim=-1).reshape(-1, 2)).reshape(*x.shape, 2)
    return F.avg_pool2d(_sample(photo, positions, "reflection"), fineness)


def paste_region(matrix: Tensor, size: int, photo_size: tuple[int, int], margin: int = 2) -> tuple[int, int, int, int]:
    """The integer rectangle (left, top, right, bottom; end exclusive) of the photo that the frame covers."""
    last = size - 0.5
    corners = apply(matrix, torch.tensor([[-0.5, -0.5], [last, -0.5], [-0.5, last], [last, last]]))
    low, high = corners.min(0).values.floor().int() - margin, corners.max(0).values.ceil().int() + margin + 1
    width, height = photo_size
    left, top = min(max(int(low[0]), 0), width), min(max(int(low[1]), 0), height)
    return left, top, max(min(int(high[0]), width), left), max(min(int(high[1]), height), top)


def paste(crops: Tensor, matrix: Tensor, region: tuple[int, int, int, int], mode: str = "bicubic") -> Tensor:
    """Draw the frame (1, C, size, size) back onto a region of the photo -> (1, C, bottom - top, right - left).

    The exact inverse of ``crop``'s geometry. Beyond the frame its border pixel repeats.
    """
    left, top, right, bottom = region
    y, x = torch.meshgrid(
        torch.arange(top, bottom, dtype=torch.float64), torch.arange(left, right, dtype=torch.float64), indexing="ij"
    )
    positions = apply(invert(matrix), torch.stack([x, y], dim=-1).reshape(-1, 2)).reshape(*x.shape, 2)
    return _sample(crops, positions, "border", mode)


def _sample(image: Tensor, positions: Tensor, padding: str, mode: str = "bilinear") -> Tensor:
    """Sample ``image`` (1, C, H, W) at pixel positions (h, w, 2)."""
    height, width = image.shape[2:]
    extent = torch.tensor([max(width - 1, 1), max(height - 1, 1)], dtype=torch.float64)
    grid = (positions / extent * 2 - 1).to(image.dtype)[None].to(image.device)
    return F.grid_sample(image, grid, mode=mode, padding_mode=padding, align_corners=True)


@lru_cache(maxsize=4)
def _mtcnn(min_size: int, device: str):
    from facenet_pytorch import MTCNN  # slow to import, and only detection needs it

    return MTCNN(min_face_size=min_size, keep_all=True, post_process=False, device=device)


def detect(batch: Tensor, min_score: float = 0.9, min_size: float = 24, device: str = "cpu") -> list[list[Face]]:
    """Faces of each image of ``batch`` (N, 3, H, W), largest first; MTCNN (Zhang et al., 2016).

    Keeps detections of at least ``min_score`` whose longer side is at least ``min_size`` pixels.
    """
    smallest = max(12, int(min_size * 0.8))  # MTCNN's own limit is on a coarse pyramid: look a little lower
    if min(batch.shape[2:]) < smallest:
        return [[] for _ in batch]
    with torch.inference_mode():
        boxes, scores, points = _mtcnn(smallest, device).detect(list(images.to_uint8(batch)), landmarks=True)
    return [_faces(b, s, p, min_score, min_size) for b, s, p in zip(boxes, scores, points, strict=True)]


def _faces(boxes, scores, points, min_score: float, min_size: float) -> list[Face]:
    if boxes is None:
        return []
    found = [  # object arrays come back from facenet-pytorch 2.5.3 on numpy 2
        Face(tuple(np.asarray(b, np.float64).tolist()), float(s), tuple(map(tuple, np.asarray(p, np.float64).tolist())))
        for b, s, p in zip(boxes, scores, points, strict=True)
        if s is not None
    ]
    kept = [face for face in found if face.score >= min_score and face.size >= min_size]
    return sorted(kept, key=lambda face: -face.size)


def from_boxes(boxes: Sequence[Sequence[float]], detected: Sequence[Face] = ()) -> list[Face]:
    """Faces for boxes given by hand: landmarks from the detection that overlaps most, else from the mean face."""
    return [_from_box(tuple(map(float, box)), detected) for box in boxes]


def _from_box(box: tuple, detected: Sequence[Face]) -> Face:
    if best := match(Face(box, 1.0, ()), detected, 0.4):
        return Face(box, best.score, best.landmarks)
    x1, y1, x2, y2 = box
    # MTCNN's boxes are 2.88 eye distances high with the eyes at 0.39 of the height (medians over portraits).
    eye_distance = max((y2 - y1) / 2.88, (x2 - x1) / 2.15)
    unit = eye_distance / 0.28
    left, top = (x1 + x2) / 2 - 0.5 * unit, (y1 + y2) / 2 + (0.39 - 0.5) * 2.88 * eye_distance - 0.425 * unit
    landmarks = tuple((left + x * unit, top + y * unit) for x, y in DCGAN_FRAME.template)
    return Face(box, 1.0, landmarks)


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
