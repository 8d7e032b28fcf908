"""Every face of a photo, by detectors that miss different ones (docs/detection.md has their measurements).

``union`` is MTCNN and CenterFace. It looks at the photo as it is, and shrunk at each quarter turn: where that
shows a face better than the upright look did, it looks at the turned photo at full size.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from deid.photo import centerface, detection, merging, turning
from deid.photo.faces import Face, match
from deid.photo.merging import CENTERFACE, MTCNN

DETECTORS = ("mtcnn", "union", "thorough")
WEAK = 0.15  # CenterFace's score from which a place is looked at once more
TURNED = 0.3, 0.1  # what a face scores at a turn, and how much better than before, if the photo is turned
SMALL = 60_000  # pixels of a photo that is not shrunk for a quick look
LARGE = 500_000  # pixels: a thorough look enlarges a photo that has fewer


def find(photo: Tensor, detector: str = "union", *, smallest: float = 12, device: str = "cpu") -> list[Face]:
    """All faces of a photo (1, 3, H, W), doubtful ones as well, the largest first.

    ``smallest`` is in pixels. ``Face.score`` says how sure it is that it is one, on one scale for all
    detectors (``photo.merging``); ``Face.by`` says who found it.
    """
    if detector == "mtcnn":
        faces = _by_mtcnn(photo, smallest, device)
    elif detector == "union":
        upright = _by_centerface(photo, 0, smallest, device)
        turns = [k for k in (1, 2, 3) if _looks_turned(photo, k, upright, smallest, device)]
        seen = upright + [face for k in turns for face in _by_centerface(photo, k, smallest, device)]
        faces = merging.merge(photo, _by_mtcnn(photo, smallest, device), seen, device)
    else:
        faces = _thorough(photo, smallest, device)
    return sorted(faces, key=lambda face: -face.size)


def _by_mtcnn(photo: Tensor, smallest: float, device: str) -> list[Face]:
    (found,) = detection.detect(photo, 0.0, smallest, device)
    return [replace(face, by=(MTCNN,)) for face in found]


def _by_centerface(
    photo: Tensor, quarters: int, smallest: float, device: str, *, factor: float = 1.0
) -> list[Face]:
    """What CenterFace finds in the photo turned, and resized by a ``factor``, where it lies in the photo."""
    resized = photo
    if factor != 1:
        resized = F.interpolate(photo, scale_factor=factor, mode="bilinear", antialias=factor < 1)
    image = turning.turned(resized, quarters)
    found = centerface.detect(image, WEAK, smallest * factor, device)
    size = photo.shape[3], photo.shape[2]
    faces = []
    for box, score, points in zip(*(part.tolist() for part in found), strict=True):
        face = Face(tuple(box), score, tuple(map(tuple, points)), (CENTERFACE,))
        faces.append(turning.turned_back(face.scaled(1 / factor), quarters, size))
    return faces


def _looks_turned(
    photo: Tensor, quarters: int, upright: Sequence[Face], smallest: float, device: str
) -> bool:
    """Whether a quick look at the turned photo shows a face that scored less, or nothing, before."""
    factor = 1.0 if photo[0, 0].numel() <= SMALL else 0.5
    least, more = TURNED
    for face in _by_centerface(photo, quarters, smallest / factor, device, factor=factor):
        before = match(face, upright)
        if face.score >= least and face.score > (before.score if before else 0) + more:
            return True
    return False


def _thorough(photo: Tensor, smallest: float, device: str) -> list[Face]:
    """Both detectors at every quarter turn, and at twice the size of a photo that is not large."""
    size = photo.shape[3], photo.shape[2]
    by_mtcnn, seen = [], []
    for quarters in range(4):
        for face in _by_mtcnn(turning.turned(photo, quarters).contiguous(), smallest, device):
            by_mtcnn.append(turning.turned_back(face, quarters, size))
        seen += _by_centerface(photo, quarters, smallest, device)
        if photo[0, 0].numel() <= LARGE:
            seen += _by_centerface(photo, quarters, smallest, device, factor=2)
    return merging.merge(photo, by_mtcnn, seen, device)
