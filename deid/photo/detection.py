"""Where the faces of a photo are: MTCNN (Zhang et al., 2016), or boxes given by hand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from deid.photo import images, mtcnn
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face, match
from deid.photo.resampling import reduced

ENOUGH = 64  # pixels of a face that is only looked for


def detect(
    batch: Tensor, min_score: float = 0.9, min_size: float = 24, device: str = "cpu"
) -> list[list[Face]]:
    """Faces of each image of ``batch`` (N, 3, H, W), largest first; MTCNN (Zhang et al., 2016).

    Only detections of at least ``min_score``, whose longer side is at least ``min_size`` pixels.
    """
    smallest = max(12, int(min_size * 0.8))  # MTCNN's own limit is on a coarse pyramid: look a little lower
    if min(batch.shape[2:]) < smallest:
        return [[] for _ in batch]
    found = mtcnn.detect(images.to_levels(batch).to(torch.uint8), smallest, device)
    return [_faces(found, k, min_score, min_size) for k in range(len(batch))]


def detect_large(photo: Tensor, min_score: float, min_size: float) -> list[Face]:
    """``detect`` for one photo (1, 3, H, W) without small faces: it is shrunk first, by a whole number.

    A face of ``min_size`` stays at least ``ENOUGH`` pixels large, more than MTCNN's networks look at.
    """
    factor = max(1, int(min_size / ENOUGH))
    (found,) = detect(reduced(photo, factor), min_score, min_size / factor)
    return [face.scaled(factor) for face in found]


def _faces(found: mtcnn.Found, image: int, min_score: float, min_size: float) -> list[Face]:
    """The faces of one image, the largest first."""
    faces = []
    for box, score, points in zip(*(part[found.image == image].tolist() for part in found[1:]), strict=True):
        faces.append(Face(tuple(box), score, tuple(map(tuple, points))))
    chosen = [face for face in faces if face.score >= min_score and face.size >= min_size]
    return sorted(chosen, key=lambda face: -face.size)


def detect_many(
    photos: list[Tensor], min_score: float, min_size: float, device: str = "cpu"
) -> list[list[Face]]:
    """``detect`` over photos (1, 3, H, W) of mixed sizes: those of one size share a batch.

    Nothing is padded: with a border MTCNN looks at other sizes of a photo, and finds slightly other boxes.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, photo in enumerate(photos):
        groups.setdefault(tuple(photo.shape[2:]), []).append(index)
    found: list[list[Face]] = [[] for _ in photos]
    for members in groups.values():
        batch = torch.cat([photos[i] for i in members])
        for i, faces in zip(members, detect(batch, min_score, min_size, device), strict=True):
            found[i] = faces
    return found


def from_boxes(boxes: Sequence[Sequence[float]], detected: Sequence[Face] = ()) -> list[Face]:
    """Faces for boxes given by hand, with the landmarks of the best detection, else of the mean face."""
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
