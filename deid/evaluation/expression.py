"""Head pose and expression from 68 landmarks: is what a face was doing still there?

The landmarks (Kazemi and Sullivan, 2014) are dlib's, from face-recognition-models; its numbering is iBUG's.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from deid.photo import images
from deid.photo.faces import Face
from deid.recognition import recognisers

MEASURES = ("roll", "yaw", "pitch", "mouth open", "eyes open")


def expression(photo: Tensor, face: Face) -> Tensor:
    """``MEASURES`` of a face in a photo (1, 3, H, W) -> (5,).

    Roll in radians. Yaw and pitch are where the tip of the nose lies, from one jaw to the other (0 is the
    middle) and from bridge to chin. Openness of mouth and eyes is height over width.
    """
    points = landmarks(photo, face)
    left_eye, right_eye = points[36:42].mean(0), points[42:48].mean(0)
    across = (right_eye - left_eye) / (right_eye - left_eye).norm().clamp(min=1e-6)
    down = torch.stack([-across[1], across[0]])

    def share(point: Tensor, start: Tensor, end: Tensor, axis: Tensor) -> Tensor:
        return ((point - start) @ axis) / ((end - start) @ axis).clamp(min=1e-6)

    roll = torch.atan2(across[1], across[0])
    yaw = share(points[30], points[0], points[16], across) - 0.5
    pitch = share(points[30], points[27], points[8], down)
    eyes = (_eye(points[36:42]) + _eye(points[42:48])) / 2
    return torch.stack([roll, yaw, pitch, _mouth(points), eyes]).float()


def landmarks(photo: Tensor, face: Face) -> Tensor:
    """68 landmarks (68, 2) of a face, in photo pixels."""
    import dlib

    pixels = np.ascontiguousarray(images.to_uint8(photo)[0])
    shape = _predictor()(pixels, dlib.rectangle(*recognisers.dlib_square(face)))
    return torch.tensor([(point.x, point.y) for point in shape.parts()], dtype=torch.float64)


@lru_cache(maxsize=1)
def _predictor():
    import dlib

    return dlib.shape_predictor(str(recognisers.dlib_models() / "shape_predictor_68_face_landmarks.dat"))


def _mouth(points: Tensor) -> Tensor:
    """Height over width between the lips, from 68 landmarks (68, 2) -> ()."""
    inner = points[60:68]
    return (inner[2] - inner[6]).norm() / (inner[0] - inner[4]).norm().clamp(min=1e-6)


def _eye(points: Tensor) -> Tensor:
    """The eye aspect ratio of Soukupova and Cech (2016), eq. 1, of an eye's landmarks (6, 2) -> ()."""
    height = (points[1] - points[5]).norm() + (points[2] - points[4]).norm()
    return height / (2 * (points[0] - points[3]).norm()).clamp(min=1e-6)
