"""A second opinion on faces that a detector found: MTCNN's last network looks at each of them.

It says whether there is a face, which way up it is, and where exactly eyes, nose and mouth are.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from deid.photo import alignment, images, mtcnn
from deid.photo.alignment import DCGAN_FRAME, Frame
from deid.photo.faces import Face

SIDE = mtcnn.THIRD[0]
SURE, NEAR = 0.95, 0.3  # no other view is looked at where its score, and how far its landmarks moved, say so
SMALL = 20  # pixels: of a smaller face only one view is looked at
# As a face lies in the square that the network looks at, which is as high as MTCNN's boxes: 2.88 eye
# distances, with the eyes at 0.39 of them. In the other frame the eyes are 0.28 of its side apart.
_share = 1 / (0.28 * 2.88)
FRAME = Frame(
    SIDE, tuple((0.5 + (x - 0.5) * _share, 0.39 + (y - 0.425) * _share) for x, y in DCGAN_FRAME.template)
)


def confirm(photo: Tensor, faces: Sequence[Face], device: str = "cpu") -> list[tuple[Face, float]]:
    """Faces found in a photo (1, 3, H, W), with better landmarks, and how sure the network is of each.

    It looks at each as its landmarks say that it lies and, where it is not sure, at each quarter turn. The
    landmarks of the best view count.
    """
    found = _look(photo, faces, [[FRAME.matrix(face)] for face in faces], device)
    open_to_doubt = [
        k
        for k, (face, score) in enumerate(found)
        if face.size >= SMALL and not (score >= SURE and _moved(faces[k], face) <= NEAR)
    ]
    some = [faces[k] for k in open_to_doubt]
    for k, other in zip(open_to_doubt, _look(photo, some, list(map(_quarters, some)), device), strict=True):
        found[k] = max(found[k], other, key=lambda view: view[1])
    return found


def _moved(face: Face, now: Face) -> float:
    """How far landmarks are from where they were, in eye distances."""
    points = face.points()
    return ((now.points() - points).norm(dim=1).mean() / (points[1] - points[0]).norm()).item()


def _look(
    photo: Tensor, faces: Sequence[Face], views: Sequence[list[Tensor]], device: str
) -> list[tuple[Face, float]]:
    """Each face as the best of its views, matrices (2, 3) from a square to the photo, shows it.

    Of several views of a face each is the one before it, turned.
    """
    if not faces:
        return []
    crops = [alignment.crop(photo, own[0], SIDE) for own in views]
    turned = [
        torch.rot90(crop, k, (2, 3)) for crop, own in zip(crops, views, strict=True) for k in range(len(own))
    ]
    said = mtcnn.look_closer(images.to_levels(torch.cat(turned)), device)
    scores, points = (part.unflatten(0, (len(faces), -1)) for part in said)
    found = []
    for face, own, sure, shares in zip(faces, views, scores, points, strict=True):
        best = int(sure.argmax())
        landmarks = alignment.apply(own[best], shares[best].double() * SIDE - 0.5)
        found.append((replace(face, landmarks=tuple(map(tuple, landmarks.tolist()))), sure[best].item()))
    return found


def _quarters(face: Face) -> list[Tensor]:
    """Matrices (2, 3) from squares around a face's box to the photo, each a quarter further clockwise."""
    x1, y1, x2, y2 = face.box
    middle = torch.tensor([(x1 + x2) / 2, (y1 + y2) / 2], dtype=torch.float64)
    linear, found = torch.eye(2, dtype=torch.float64) * face.size / SIDE, []
    for _ in range(4):
        found.append(torch.cat([linear, (middle - linear.sum(1) * (SIDE - 1) / 2)[:, None]], 1))
        linear = torch.stack([linear[:, 1], -linear[:, 0]], 1)
    return found
