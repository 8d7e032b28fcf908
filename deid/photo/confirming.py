"""A second opinion on faces that another detector found: MTCNN's last network looks at each of them.

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
EYES, BOX = 0.28, 2.88  # eye distance in the frame's template; height of MTCNN's boxes in eye distances
# As a face lies in the square that the network looks at: its box, widened to a square. The eyes are at 0.39
# of the height.
_left, _top = 0.5 - 0.5 / EYES / BOX, 0.39 - 0.425 / EYES / BOX
FRAME = Frame(SIDE, tuple((_left + x / EYES / BOX, _top + y / EYES / BOX) for x, y in DCGAN_FRAME.template))


def confirm(photo: Tensor, faces: Sequence[Face], device: str = "cpu") -> list[tuple[Face, float]]:
    """Faces found in a photo (1, 3, H, W), with better landmarks, and how sure the network is of each.

    It looks at each one as its landmarks say that it lies, and as its box says at each quarter turn. The
    landmarks of the best view count.
    """
    if not faces:
        return []
    places, views = [], []
    for face in faces:
        own = [FRAME.matrix(face), *_quarters(face)]
        first, box = (alignment.crop(photo, matrix, SIDE) for matrix in own[:2])
        places.append(torch.stack(own))
        views += [first, *(torch.rot90(box, quarters, (2, 3)) for quarters in range(4))]
    scores, points = mtcnn.look_closer(images.to_levels(torch.cat(views)), device)
    scores, points = scores.view(len(faces), -1), points.view(len(faces), -1, 5, 2) * SIDE - 0.5
    found = []
    for face, matrices, own, seen in zip(faces, places, scores, points, strict=True):
        best = int(own.argmax())
        landmarks = alignment.apply(matrices[best], seen[best].double())
        found.append((replace(face, landmarks=tuple(map(tuple, landmarks.tolist()))), own[best].item()))
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
