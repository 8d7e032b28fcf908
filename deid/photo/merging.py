"""One list of faces out of what several looks at a photo found, with scores on one scale.

MTCNN's scores stay what they are: a find from 0.9 on is hardly ever no face. CenterFace's are lower, and are
brought to the same meaning. What the two do not agree on is shown to MTCNN's last network at every turn
(``photo.confirming``): a second opinion, and the landmarks of a face that is not upright.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from deid.photo import overlaps
from deid.photo.confirming import confirm
from deid.photo.faces import Face

MTCNN, CENTERFACE = "mtcnn", "centerface"
SAME, WITHIN = 0.3, 0.7  # more shared than that, of both or of the smaller one, is the same face
CERTAIN, BESIDE = 0.9, 0.4  # a face that is less sure may not share more than that with a better one
# CenterFace's scores on MTCNN's scale. Of its finds from 0.4 on nearly all are faces, from 0.3 to 0.4 most,
# from 0.2 to 0.3 a minority, below hardly any (docs/detection.md).
RAISED = (0, 0.2, 0.3, 0.4, 0.6, 1), (0, 0.5, 0.75, 0.9, 0.97, 1)
TRUST = 0.45  # in a second opinion: it calls much a face
BELIEVED = 0.7  # from when on its landmarks count
# A second opinion under this, on a face of so many pixels, makes a weak find weaker.
DENIED, LARGE, WEAKER = 0.15, 24, 0.85
LEAST = 0.7  # what scores less is none
# Of faces under so many pixels, which are many in a crowd and of which a second look says little.
TINY, LEAST_TINY = 13, 0.5
UPRIGHT = 45  # degrees


def merge(
    photo: Tensor, by_mtcnn: Sequence[Face], by_centerface: Sequence[Face], device: str = "cpu"
) -> list[Face]:
    """The faces of a photo (1, 3, H, W) out of what both detectors found in all looks at it, best first."""
    found, seen = _best(by_mtcnn), _best(by_centerface)
    agreed, open_to_doubt = [], []
    for face, other in _pairs(found, seen):
        if face and other and face.score >= CERTAIN and abs(_turn(face, other)) < UPRIGHT:
            agreed.append(
                replace(face, score=_either(face.score, _raised(other.score)), by=face.by + other.by)
            )
        else:
            open_to_doubt.append((face, other))
    shown = [one for face, other in open_to_doubt if (one := other or face)]
    for (face, other), second in zip(open_to_doubt, confirm(photo, shown, device), strict=True):
        agreed.append(_settled(face, other, second))
    return _distinct([face for face in agreed if face.score >= (LEAST_TINY if face.size < TINY else LEAST)])


def _settled(face: Face | None, other: Face | None, second: tuple[Face, float]) -> Face:
    """One face that MTCNN, CenterFace or both found, and what a second look said of it."""
    looked_at, opinion = second
    sure = _either(face.score if face else 0.0, _raised(other.score) if other else 0.0)
    by = tuple(name for part in (face, other) if part for name in part.by)
    if other:
        sure = _either(sure, TRUST * opinion)
    if not face and opinion < DENIED and looked_at.size >= LARGE and sure < CERTAIN:
        sure *= WEAKER
    if face and abs(_turn(face, looked_at)) < UPRIGHT:
        return replace(face, score=sure, by=by)
    known = other or face
    assert known is not None
    return replace(looked_at if opinion >= BELIEVED else known, score=sure, by=by)


def _either(first: float, second: float) -> float:
    """How sure two that judge by themselves are together."""
    return 1 - (1 - first) * (1 - second)


def _raised(score: float) -> float:
    """CenterFace's score on MTCNN's scale."""
    return float(np.interp(score, *RAISED))


def _turn(face: Face, other: Face) -> float:
    """By how many degrees another's eyes are turned against a face's, from -180 to 180."""
    angles = []
    for points in (face.landmarks, other.landmarks):
        (ax, ay), (bx, by) = points[:2]
        angles.append(math.degrees(math.atan2(by - ay, bx - ax)))
    return (angles[1] - angles[0] + 180) % 360 - 180


def _best(faces: Sequence[Face]) -> list[Face]:
    """Faces without those that lie where a better one lies."""
    ordered = sorted(faces, key=lambda face: -face.score)
    return [ordered[k] for k in _first_of_each(ordered, SAME)]


def _first_of_each(faces: Sequence[Face], most: float) -> list[int]:
    chosen: list[int] = []
    shared = _shared(faces, faces)
    for k in range(len(faces)):
        if not (shared[k, chosen] > most).any():
            chosen.append(k)
    return chosen


def _pairs(found: Sequence[Face], seen: Sequence[Face]) -> list[tuple[Face | None, Face | None]]:
    """Each face of two lists once, with the one of the other list that lies there; the closest first."""
    shared, pairs = _shared(found, seen), []
    order = np.dstack(np.unravel_index(np.argsort(-shared, axis=None, kind="stable"), shared.shape))[0]
    left, right = dict(enumerate(found)), dict(enumerate(seen))
    for a, b in order.tolist():
        if shared[a, b] <= SAME:
            break
        if a in left and b in right:
            pairs.append((left.pop(a), right.pop(b)))
    return [*pairs, *((face, None) for face in left.values()), *((None, face) for face in right.values())]


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Faces, best first, without those that are a part of, or in doubt beside, a better one."""
    ordered = sorted(faces, key=lambda face: -face.score)
    whole, part = _shared(ordered, ordered), _shared(ordered, ordered, of_smaller=True)
    chosen: list[int] = []
    for k, face in enumerate(ordered):
        most = WITHIN if face.score >= CERTAIN else BESIDE
        if not ((whole[k, chosen] > 2 * SAME) | (part[k, chosen] > most)).any():
            chosen.append(k)
    return [ordered[k] for k in chosen]


def _shared(some: Sequence[Face], others: Sequence[Face], of_smaller: bool = False) -> np.ndarray:
    a, b = (np.array([face.box for face in part]).reshape(-1, 4) for part in (some, others))
    return overlaps.shared(a, b, of_smaller)
