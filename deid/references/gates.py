"""Which portraits may become references: reasons against one, and which of them show the same person."""

import math
from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.alignment import DCGAN_FRAME, overrun, scale
from deid.photo.colour import lab
from deid.photo.faces import Face
from deid.references import evenness

MIN_SCORE = 0.97
OVERRUN = 0.12  # of a frame's side, beyond the picture
MIN_SIDE = 150  # pixels of the picture across the frame
SECOND = 0.4  # a second face is large from this share of the first one's size
SHARPNESS = 0.11  # chosen by looking at 1,300 crops, as those below
HUES = 2.6
MOUTH_OPEN = 0.3
DARK_GLASSES, DARK_EYES = (0.18, 0.24), 0.57  # (glasses, sunglasses), or sunglasses alone
# Hue, in degrees, and chroma of skin in Lab; beyond them the light is coloured.
SKIN_HUE, SKIN_CHROMA = (5.0, 86.0), (4.5, 47.0)
UNEVEN = 0.24
# Two portraits of one source show the same person from such a similarity; or from a lower one where their
# pictures are nearly the same. Chosen by looking at the most alike of 1,113: the recogniser found different
# people more alike than one picture that was there twice.
ALIKE, SIMILAR, CORRELATED = 0.985, 0.9, 0.94
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


def light_reason(crop: Tensor, landmarks: Tensor) -> str:
    """Why the light on a crop (1, 3, S, S) with ``landmarks`` (5, 2; fractions of its side) will not do."""
    return "uneven light" if evenness.unevenness(crop, landmarks) > UNEVEN else ""


def pixel_reason(crop: Tensor) -> str:
    """Why the pixels of a crop (1, 3, S, S) are not good enough, or an empty string."""
    if hues(crop) < HUES:
        return "greyscale"
    return "blurred" if sharpness(crop) < SHARPNESS else ""


def look_reason(crop: Tensor, attributes: dict[str, float]) -> str:
    """Why a crop (1, 3, S, S) with these ``attributes`` is no reference, or an empty string.

    What cannot be told by a rule is told by ``references.looks``; hands are not: ``remove`` is for them.
    """
    if reason := pixel_reason(crop):
        return reason
    hue = math.degrees(math.atan2(attributes["skin_b"], attributes["skin_a"]))
    chroma = math.hypot(attributes["skin_a"], attributes["skin_b"])
    if not (SKIN_HUE[0] <= hue <= SKIN_HUE[1] and SKIN_CHROMA[0] <= chroma <= SKIN_CHROMA[1]):
        return "coloured light"
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


def same_people(
    embeddings: Tensor, thumbnails: Tensor, identities: Sequence[str], sources: Sequence[str]
) -> list[str]:
    """Identities (N) in which near duplicates within a source have the first one's.

    Only single pictures are joined: a source that has several of a person knows who it shows.

    ``embeddings`` (N, D) are unit vectors, ``thumbnails`` (N, 3, S, S) of any kind of number.
    """
    found = list(identities)
    middle = thumbnails.float()[:, :, 12:-8, 12:-12].flatten(1)
    middle = F.normalize(middle - middle.mean(1, keepdim=True), dim=1)
    likeness, pictures = embeddings @ embeddings.T, middle @ middle.T
    own = Counter(zip(identities, sources, strict=True))
    single = torch.tensor([own[pair] == 1 for pair in zip(identities, sources, strict=True)])
    similar = ((likeness > ALIKE) | ((likeness > SIMILAR) & (pictures > CORRELATED))).tril(-1)
    similar &= single[:, None] & single
    for later, first in similar.nonzero().tolist():
        old, new, source = found[later], found[first], sources[later]
        if sources[first] == source and old != new:
            found = [new if pair == (old, source) else pair[0] for pair in zip(found, sources, strict=True)]
    return found
