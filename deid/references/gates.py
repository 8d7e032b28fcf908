"""Which portraits may become references: reasons against one, and which of them show the same person."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.alignment import DCGAN_FRAME, overrun, scale
from deid.photo.faces import Face

MIN_SCORE = 0.97
OVERRUN = 0.12  # of a frame's side, beyond the picture
MIN_SIDE = 150  # pixels of the picture across the frame
SECOND = 0.4  # a second face is large from this share of the first one's size
SHARPNESS = 0.05
CHROMA = 3.0
SUNGLASSES = 0.62
ALIKE = 0.9  # similarity from which two portraits of one source show the same person
# Expressions, as their source labels them, that look ordinary in a photo: the others are grimaces.
ORDINARY = ("neutral", "happy", "smug", "determined", "confused")


def expression_reason(expression: str) -> str:
    """Why a labelled expression is no reference, or an empty string."""
    return "" if not expression or expression in ORDINARY else "grimace"


def face_reason(faces: Sequence[Face], picture_size: tuple[int, int]) -> str:
    """Why the ``faces`` (largest first) of a picture (width, height) are no reference, or an empty string."""
    if not faces:
        return "no face"
    if len(faces) > 1 and faces[1].size > SECOND * faces[0].size:
        return "several faces"
    if faces[0].score < MIN_SCORE:
        return "uncertain face"
    matrix = DCGAN_FRAME.matrix(faces[0])
    if scale(matrix) * DCGAN_FRAME.size < MIN_SIDE:
        return "too small"
    return "beyond the picture" if overrun(matrix, DCGAN_FRAME.size, picture_size) > OVERRUN else ""


def look_reason(crop: Tensor, attributes: dict[str, float]) -> str:
    """Why a crop (1, 3, S, S) with these ``attributes`` is no reference, or an empty string."""
    if chroma(crop) < CHROMA:
        return "greyscale"
    if sharpness(crop) < SHARPNESS:
        return "blurred"
    if attributes["sunglasses"] > SUNGLASSES:
        return "sunglasses"
    return ""


def chroma(crop: Tensor) -> float:
    """How far colours are from grey, in levels of 255 (mean over the middle of the crop)."""
    side = crop.shape[3]
    middle = crop[..., side // 4 : -side // 4, side // 4 : -side // 4]
    return (middle - middle.mean(1, keepdim=True)).abs().mean().item() * 127.5


def sharpness(crop: Tensor) -> float:
    """Fine detail as a share of the contrast, at 256 px, in the middle of the crop (1, 3, S, S)."""
    grey = F.interpolate(crop, (256, 256), mode="area").mean(1, keepdim=True)[..., 64:208, 64:192]
    kernel = torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])
    return (F.conv2d(grey, kernel).std() / grey.std().clamp(min=1e-3)).item()


def same_people(embeddings: Tensor, identities: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Identities (N) in which near duplicates within a source have the first one's; ``embeddings`` (N, D)."""
    found = list(identities)
    similar = embeddings @ embeddings.T
    for k in range(len(found)):
        for j in (similar[k, :k] > ALIKE).nonzero()[:, 0].tolist():
            if sources[j] == sources[k] and found[j] != found[k]:
                old = found[k]
                found = [found[j] if name == old and sources[i] == sources[k] else name for i, name in enumerate(found)]
    return found
