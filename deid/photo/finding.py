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
from deid.photo.resampling import reduced

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
        seen = _by_centerface(photo, 0, smallest, device)
        turns = _turns(photo, seen, smallest, device)
        seen += [face for k in turns for face in _by_centerface(photo, k, smallest, device)]
        faces = merging.merge(photo, _by_mtcnn(photo, smallest, device), seen, device)
    else:
        faces = _thorough(photo, smallest, device)
    return sorted(faces, key=lambda face: -face.size)


def _by_mtcnn(photo: Tensor, smallest: float, device: str) -> list[Face]:
    (found,) = detection.detect(photo, 0.0, smallest, device)
    return [replace(face, by=(MTCNN,)) for face in found]


def _by_centerface(photo: Tensor, quarters: int, smallest: float, device: str) -> list[Face]:
    """What CenterFace finds in the turned photo, where it lies in the photo."""
    found = centerface.detect(turning.turned(photo, quarters), WEAK, smallest, device)
    size, faces = (photo.shape[3], photo.shape[2]), []
    for box, score, points in zip(*(part.tolist() for part in found), strict=True):
        face = Face(tuple(box), score, tuple(map(tuple, points)), (CENTERFACE,))
        faces.append(turning.turned_back(face, quarters, size))
    return faces


def _turns(photo: Tensor, upright: Sequence[Face], smallest: float, device: str) -> list[int]:
    """Quarter turns at which a quick look shows a face that scored less, or nothing, before."""
    shrunk = max(1, int(smallest / centerface.SMALLEST))
    quick = reduced(photo, shrunk)
    factor = float(shrunk)
    if photo[0, 0].numel() > SMALL:
        quick, factor = _resized(quick, 0.5), 2 * factor
    least, more = TURNED
    turns = []
    for quarters in (1, 2, 3):
        for face in _by_centerface(quick, quarters, centerface.SMALLEST, device):
            before = match(face.scaled(factor), upright)
            if face.score >= least and face.score > (before.score if before else 0) + more:
                turns.append(quarters)
                break
    return turns


def _resized(photo: Tensor, factor: float) -> Tensor:
    return F.interpolate(photo, scale_factor=factor, mode="bilinear", antialias=factor < 1)


def _thorough(photo: Tensor, smallest: float, device: str) -> list[Face]:
    """Both detectors at every quarter turn, and at twice the size of a photo that is not large."""
    size = photo.shape[3], photo.shape[2]
    by_mtcnn, seen = [], []
    for quarters in range(4):
        for face in _by_mtcnn(turning.turned(photo, quarters).contiguous(), smallest, device):
            by_mtcnn.append(turning.turned_back(face, quarters, size))
        seen += _by_centerface(photo, quarters, smallest, device)
        if photo[0, 0].numel() <= LARGE:
            enlarged = _by_centerface(_resized(photo, 2), quarters, centerface.SMALLEST, device)
            seen += [face.scaled(0.5) for face in enlarged]
    return merging.merge(photo, by_mtcnn, seen, device)
