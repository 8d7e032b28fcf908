"""Where the faces of a photo are: MTCNN (Zhang et al., 2016), or boxes given by hand."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid.photo import images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face, match

ENOUGH = 64  # pixels of a face that is only looked for
STRIP = 64  # rows of P-Net's output that are computed together


class Strips(nn.Module):
    """MTCNN's first network (P-Net), one strip of the image after the other: the same in less memory."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (N, 3, H, W) -> boxes (N, 4, h, w) and scores (N, 2, h, w): one for two by two pixels.

        Each is made of 12 by 12 pixels.
        """
        count = -(-(images.shape[2] - 10) // 2)
        starts = range(0, max(count, 1), STRIP)
        parts = [self.network(images[:, :, 2 * start : 2 * (start + STRIP) + 10]) for start in starts]
        return tuple(torch.cat(part, 2) for part in zip(*parts, strict=True))


@lru_cache(maxsize=4)
def _mtcnn(min_size: int, device: str):
    from facenet_pytorch import MTCNN  # slow to import, and only detection needs it

    found = MTCNN(min_face_size=min_size, keep_all=True, post_process=False, device=device)
    found.pnet = Strips(found.pnet)
    return found


def detect(
    batch: Tensor, min_score: float = 0.9, min_size: float = 24, device: str = "cpu"
) -> list[list[Face]]:
    """Faces of each image of ``batch`` (N, 3, H, W), largest first; MTCNN (Zhang et al., 2016).

    Only detections of at least ``min_score``, whose longer side is at least ``min_size`` pixels.
    """
    smallest = max(12, int(min_size * 0.8))  # MTCNN's own limit is on a coarse pyramid: look a little lower
    if min(batch.shape[2:]) < smallest:
        return [[] for _ in batch]
    with torch.inference_mode():
        whole = images.to_levels(batch).to(device).permute(0, 2, 3, 1)
        boxes, scores, points = _mtcnn(smallest, device).detect(whole, landmarks=True)
    return [_faces(b, s, p, min_score, min_size) for b, s, p in zip(boxes, scores, points, strict=True)]


def detect_large(photo: Tensor, min_score: float, min_size: float) -> list[Face]:
    """``detect`` for one photo (1, 3, H, W) without small faces: it is shrunk first, by a whole number.

    A face of ``min_size`` stays at least ``ENOUGH`` pixels large, more than MTCNN's networks look at.
    """
    factor = max(1, int(min_size / ENOUGH))
    smaller = F.avg_pool2d(photo, factor) if factor > 1 else photo
    (found,) = detect(smaller, min_score, min_size / factor)
    return [face.scaled(factor) for face in found]


def _faces(boxes, scores, points, min_score: float, min_size: float) -> list[Face]:
    if boxes is None:
        return []
    found = []
    for box, score, places in zip(boxes, scores, points, strict=True):
        if score is None:
            continue
        # Object arrays come back from facenet-pytorch 2.5.3 on numpy 2.
        corners, landmarks = (np.asarray(values, np.float64).tolist() for values in (box, places))
        found.append(Face(tuple(corners), float(score), tuple(map(tuple, landmarks))))
    chosen = [face for face in found if face.score >= min_score and face.size >= min_size]
    return sorted(chosen, key=lambda face: -face.size)


def detect_many(
    photos: list[Tensor], min_score: float, min_size: float, device: str = "cpu", step: int = 16
) -> list[list[Face]]:
    """``detect`` over photos (1, 3, H, W) of mixed sizes: similar ones are padded and share a batch."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, photo in enumerate(photos):
        height, width = (-(-side // step) * step for side in photo.shape[2:])
        groups.setdefault((height, width), []).append(index)
    found: list[list[Face]] = [[] for _ in photos]
    for (height, width), members in groups.items():
        # Padding goes to the right and below: coordinates stay those of the photo.
        padded = [
            F.pad(photos[i], (0, width - photos[i].shape[3], 0, height - photos[i].shape[2])) for i in members
        ]
        for i, result in zip(members, detect(torch.cat(padded), min_score, min_size, device), strict=True):
            found[i] = result
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
