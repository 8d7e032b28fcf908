"""Independent recognisers behind one function, ``embed``.

None of them was made by this project, and none was trained on its generators' faces. All are tested on
Labelled Faces in the Wild (``evaluation.identification``). The small one that ships checks the tool's own
results; the others judge in the study.
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deid.downloads import DownloadError
from deid.photo import alignment, images
from deid.photo.alignment import DCGAN_FRAME, Frame
from deid.photo.faces import Face, from_landmarks
from deid.recognition import fetching, mobilefacenet, openface
from deid.recognition.choices import NAMES

JUDGES = ("dlib", "mobilefacenet", "facenet")
REVISION = 2  # of how they look at a face: vectors that an older one has stored are made again
# How many eye distances wide the square of dlib's own detector is, which its shape predictor expects;
# measured once by hand on LFW against MTCNN's landmarks (``evaluation.identification.verification``).
DLIB_SQUARE = 2.37
# Of dlib's similarity beside OpenFace's, for those of different people vary less; measured once by hand on
# 500 photos of LFW, as is the threshold of both together.
DLIB_WEIGHT = 8.0
FACENET_SIDE = 160  # pixels of facenet-pytorch's own crops: MTCNN's boxes with a margin


class RecogniserError(ValueError):
    """A recogniser that cannot be had here; the message says what to install or download."""


@dataclass(frozen=True)
class Recogniser:
    """``embed(pixels, faces)``: a photo (1, 3, H, W) and its F faces -> unit vectors (F, D).

    The more alike two faces are, the larger is the product of their vectors. ``published`` is the accuracy
    that its authors report on LFW's 6,000 pairs. ``threshold`` is the similarity that one in ten pairs of
    different people exceeds there (``evaluation.proving``), so that doubt counts as recognised; 0: not
    measured yet.
    """

    name: str
    embed: Callable[[Tensor, Sequence[Face]], Tensor]
    published: float
    threshold: float


@lru_cache(maxsize=len(NAMES))
def load(name: str) -> Recogniser:
    """A recogniser by its name in ``NAMES``; "openface+dlib" are both together.

    The first (nn4.small2) ships, the second (King, 2017) is a package, the others download 4 and 107 MB on
    demand. Raises ``RecogniserError`` where it cannot be had.
    """
    if name not in NAMES:
        raise RecogniserError(f"recogniser must be one of {', '.join(NAMES)}, not {name!r}")
    makers = {"openface": _openface, "dlib": _dlib, "mobilefacenet": _mobilefacenet, "facenet": _facenet}
    makers["openface+dlib"] = _both
    return makers[name]()


def embed_crops(name: str, crops: Tensor, landmarks: Tensor | None = None, enlarge: int = 3) -> Tensor:
    """Unit vectors (N, D) of crops (N, 3, S, S), enlarged: recognisers expect larger faces than 64 px.

    ``landmarks`` (N, 5, 2) in crop pixels; without, those that every crop was aligned to.
    """
    size = crops.shape[2]
    points = DCGAN_FRAME.resized(size).points().expand(len(crops), 5, 2) if landmarks is None else landmarks
    embed, vectors = load(name).embed, []
    for crop, places in zip(crops.split(1), points, strict=True):
        larger = F.interpolate(crop, scale_factor=enlarge, mode="bicubic", antialias=False).clamp(-1, 1)
        vectors.append(embed(larger, [from_landmarks((places + 0.5) * enlarge - 0.5)]))
    return torch.cat(vectors)


def _openface() -> Recogniser:
    network = openface.load_openface()
    return Recogniser(
        "openface", _aligned(lambda crops: network(crops / 2 + 0.5), openface.FRAME), 0.9292, 0.447
    )


def _mobilefacenet() -> Recogniser:
    try:
        network = fetching.load_mobilefacenet()
    except DownloadError as error:
        raise RecogniserError(
            f"mobilefacenet: {error}; or put a local file in place:"
            " python -m deid.recognition fetch mobilefacenet FILE"
        ) from None
    return Recogniser("mobilefacenet", _aligned(network, mobilefacenet.FRAME), 0.9948, 0.144)


def _aligned(network: Callable[[Tensor], Tensor], frame: Frame) -> Callable[[Tensor, Sequence[Face]], Tensor]:
    """``embed`` of a network that makes unit vectors (N, 128) of faces brought into its frame."""

    def embed(pixels: Tensor, found: Sequence[Face]) -> Tensor:
        crops = [alignment.crop(pixels, frame.matrix(face), frame.size) for face in found]
        if not crops:
            return _unit([], 128)
        with torch.inference_mode():
            return torch.cat([network(part) for part in torch.cat(crops).split(64)])

    return embed


def _dlib() -> Recogniser:
    models = dlib_models()
    import dlib

    predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))

    def one_way(pixels: Tensor, found: Sequence[Face]) -> Tensor:
        photo = np.ascontiguousarray(images.to_uint8(pixels)[0])
        shapes = [predictor(photo, dlib.rectangle(*dlib_square(face))) for face in found]
        return _unit([np.array(network.compute_face_descriptor(photo, shape)) for shape in shapes], 128)

    def embed(pixels: Tensor, found: Sequence[Face]) -> Tensor:
        # The mirror image as well: King's own figure is a mean over many shifted and mirrored views.
        mirrored = one_way(pixels.flip(3), [face.mirrored(pixels.shape[3]) for face in found])
        return F.normalize(one_way(pixels, found) + mirrored, dim=1)

    return Recogniser("dlib", embed, 0.9938, 0.8805)


def _both() -> Recogniser:
    first, second = load("openface"), load("dlib")

    def embed(pixels: Tensor, found: Sequence[Face]) -> Tensor:
        return together(first.embed(pixels, found), second.embed(pixels, found))

    return Recogniser("openface+dlib", embed, 0.0, 0.825)


def together(openface_vectors: Tensor, dlib_vectors: Tensor) -> Tensor:
    """Unit vectors (N, 256) of both, from those of each (N, 128): similarities become their weighted mean."""
    return F.normalize(torch.cat([openface_vectors, DLIB_WEIGHT**0.5 * dlib_vectors], 1), dim=1)


def dlib_models() -> Path:
    """The folder of dlib's networks. Raises ``RecogniserError`` where the packages are not installed."""
    folder = importlib.util.find_spec("face_recognition_models")
    if importlib.util.find_spec("dlib") is None or folder is None or folder.origin is None:
        raise RecogniserError("dlib: not installed; pip install dlib-bin face-recognition-models")
    return Path(folder.origin).parent / "models"


def dlib_square(face: Face) -> list[int]:
    """The square (left, top, right, bottom) that dlib's shape predictors expect from dlib's own detector."""
    points = face.points()
    eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
    unit = torch.maximum((points[1] - points[0]).norm(), (mouth - eyes).norm() / 1.06)
    corner, side = (eyes + mouth) / 2 - DLIB_SQUARE / 2 * unit, DLIB_SQUARE * unit
    return [round(v) for v in (*corner.tolist(), *(corner + side).tolist())]


def _facenet() -> Recogniser:
    from facenet_pytorch import InceptionResnetV1

    try:
        network = InceptionResnetV1(pretrained="vggface2").eval()
    except Exception as error:  # requests, url and disk errors have no common base
        raise RecogniserError(
            f"facenet: its weights could not be downloaded ({error}); put 20180402-114759-vggface2.pt into"
            " ~/.cache/torch/checkpoints by hand, or use dlib alone"
        ) from error

    def embed(pixels: Tensor, found: Sequence[Face]) -> Tensor:
        crops = [alignment.crop(pixels, _facenet_square(face).matrix(face), FACENET_SIDE) for face in found]
        with torch.inference_mode():
            return _unit(list(network(torch.cat(crops)).numpy()) if crops else [], 512)

    return Recogniser("facenet", embed, 0.9937, 0.0)


def _facenet_square(face: Face) -> Frame:
    """The box, a seventh wider, as a frame without rotation: its template is the face's own landmarks."""
    x1, y1, x2, y2 = face.box
    side = max(x2 - x1, y2 - y1) * FACENET_SIDE / (FACENET_SIDE - 14)
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    template = tuple(((x + 0.5 - left) / side, (y + 0.5 - top) / side) for x, y in face.landmarks)
    return Frame(FACENET_SIDE, template)


def _unit(vectors: list, width: int) -> Tensor:
    if not vectors:
        return torch.zeros(0, width)
    return F.normalize(torch.from_numpy(np.stack(vectors)).float(), dim=1)
