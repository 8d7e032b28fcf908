"""One reference, by its name in a library, as it is shown in one frame."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import masks
from deid.photo.blending import gaussian
from deid.photo.masks import dilate
from deid.references import fitting, harmonizing, surroundings
from deid.references.harmonizing import Harmonizer
from deid.references.library import Library, Reference

SIDE = 128  # of the view in which a face's outline is found
MIRRORED = ":mirrored"


@dataclass(frozen=True)
class Fitted:
    """A reference at the landmarks of a face: its ``picture`` (1, 3, S, S), and where it is shown,
    ``weight`` (1, 1, S, S) as 0 or 1.
    """

    picture: Tensor
    weight: Tensor


def name_of(reference: Reference, mirrored: bool) -> str:
    """The name by which a reference, or its mirror image, is chosen and remembered."""
    return f"{reference.source}/{reference.name}{MIRRORED if mirrored else ''}"


def bare(name: str) -> str:
    """The name of a reference whether or not it is mirrored."""
    return name.removesuffix(MIRRORED)


def fit(library: Library, name: str, landmarks: Tensor, size: int) -> Fitted:
    """The reference ``name`` with its landmarks at ``landmarks`` (5, 2), in a frame of ``size`` pixels."""
    index = library.positions[bare(name)]
    crop, own = library.crop(index, size), library.landmarks[index]
    matte = library.mattes[index : index + 1].float() / 255
    both = torch.cat([crop, F.interpolate(matte, (size, size), mode="bilinear")], 1)
    if name.endswith(MIRRORED):
        both, own = fitting.mirror(both, own)
    warped = fitting.warp(both, own * size - 0.5, landmarks)
    return Fitted(warped[:, :3], _inner(warped[:, 3:], landmarks, size))


def render(
    library: Library,
    name: str,
    guess: Tensor,
    visible: Tensor,
    landmarks: Tensor,
    *,
    harmonizer: Harmonizer = harmonizing.harmonize,
) -> Tensor:
    """A frame (1, 3, S, S) in which the reference ``name`` has the tone and light of ``guess``.

    ``guess`` (1, 3, S, S) shows what is known of the frame; ``visible`` (1, 1, S, S) is 1 where it is seen.
    Beside the reference its surroundings go on into the hole: a guess there is a smear.
    """
    fitted = fit(library, name, landmarks, guess.shape[3])
    face = harmonizer(guess, visible, fitted.picture, fitted.weight)
    return harmonizing.compose(surroundings.continued(guess, visible), face, fitted.weight)


def _inner(matte: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """Where a reference is shown (1, 1, S, S): its own skin, inside the outline of the face."""
    outline = 1 - masks.frame_mask("face", landmarks.double(), size)
    inside = F.interpolate(outline * (matte > 0.5), (SIDE, SIDE), mode="area")
    smooth = (gaussian(inside, 1.5) > 0.6).float()
    return (F.interpolate(1 - dilate(1 - smooth, 1), (size, size), mode="bilinear") > 0.5).float()
