"""Which portraits may become references: reasons against one, and which of them show the same person."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.alignment import DCGAN_FRAME, overrun, scale
from deid.photo.colour import lab
from deid.photo.faces import Face

MIN_SCORE = 0.97
OVERRUN = 0.12  # of a frame's side, beyond the picture
MIN_SIDE = 150  # pixels of the picture across the frame
SECOND = 0.4  # a second face is large from this share of the first one's size
SHARPNESS = 0.11  # chosen by looking at 1,300 crops, as those below
HUES = 2.6
MOUTH_OPEN = 0.3
DARK_GLASSES, DARK_EYES = (0.18, 0.24), 0.57  # (glasses, sunglasses), or sunglasses alone
ALIKE = 0.985  # similarity from which two portraits of one source show the same person
# Expressions, as their source labels them, that look ordinary in a photo; the others are grimaces.
ORDINARY = ("neutral", "happy", "smug", "determined")


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
    """Why a crop (1, 3, S, S) with these ``attributes`` is no reference, or an empty string.

    Closed eyes, hands and painted looks cannot be told reliably from pixels alone: ``remove`` is for them.
    """
    if hues(crop) < HUES:
        return "greyscale"
    if sharpness(crop) < SHARPNESS:
        return "blurred"
    glasses, dark = attributes["glasses"], attributes["sunglasses"]
    if dark > DARK_EYES or (glasses > DARK_GLASSES[0] and dark > DARK_GLASSES[1]):
        return "sunglasses"
    return "mouth wide open" if attributes["mouth_open"] > MOUTH_OPEN else ""


def hues(crop: Tensor) -> float:
    """How far colours differ from what their lightness alone explains, in units of a* and b*.

    A black-and-white picture has none, nor has a toned one: there, colour is a function of lightness.
    """
    colours = lab(F.interpolate(crop, (64, 64), mode="area"))[0, :, 12:-12, 12:-12].flatten(1)
    light = colours[0] / 50 - 1
    terms = torch.stack([torch.ones_like(light), light, light.square()], 1)
    explained = terms @ torch.linalg.lstsq(terms, colours[1:].T).solution
    return (colours[1:].T - explained).std(0).norm().item()


def sharpness(crop: Tensor) -> float:
    """Fine detail as a share of the contrast, at 256 px, in the middle of the crop (1, 3, S, S)."""
    grey = F.interpolate(crop, (256, 256), mode="area").mean(1, keepdim=True)[..., 64:208, 64:192]
    kernel = torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])
    return (F.conv2d(grey, kernel).std() / grey.std().clamp(min=1e-3)).item()


def same_people(embeddings: Tensor, identities: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Identities (N) in which near duplicates within a source have the first one's; ``embeddings`` (N, D)."""
    found = list(identities)
    similar = (embeddings @ embeddings.T > ALIKE).tril(-1)
    for later, first in similar.nonzero().tolist():
        old, new, source = found[later], found[first], sources[later]
        if sources[first] == source and old != new:
            found = [new if pair == (old, source) else pair[0] for pair in zip(found, sources, strict=True)]
    return found
