"""Every face of a photo: two detectors that miss different faces."""

from dataclasses import replace

from torch import Tensor

from deid.photo import centerface, detection
from deid.photo.faces import Face, match

DETECTORS = ("mtcnn", "union", "thorough")


def find(photo: Tensor, detector: str = "union", *, smallest: float = 12, device: str = "cpu") -> list[Face]:
    """All faces of a photo (1, 3, H, W), doubtful ones as well, the largest first.

    ``Face.score`` says how sure it is that it is one, on one scale for all detectors;
    ``Face.by`` says who found it.
    """
    (found,) = detection.detect(photo, 0.0, smallest, device)
    faces = [replace(face, by=("mtcnn",)) for face in found]
    if detector != "mtcnn":
        seen = centerface.detect(photo, 0.2, smallest, device)
        for box, score, points in zip(*(part.tolist() for part in seen), strict=True):
            face = Face(tuple(box), score, tuple(map(tuple, points)), ("centerface",))
            if match(face, faces, 0.3) is None:
                faces.append(face)
    return sorted(faces, key=lambda face: -face.size)
