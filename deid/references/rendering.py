"""One person, by a name of a library's people, as it is shown in one frame."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deid.photo import masks
from deid.photo.blending import gaussian
from deid.photo.masks import dilate
from deid.photo.resampling import enlarge
from deid.references import backdrop, brows, fitting, harmonizing, mixing, people, refining, surroundings
from deid.references.library import Library
from deid.references.people import Placement
from deid.references.softening import softened
from deid.references.widening import widened

SIDE = 128  # of the view in which a face's outline is found
ROUND = 2.0  # of its pixels: an outline is a curve, not a row of them
OUTLINE = "face-120"  # of a mask: no more of a reference is shown, however large the hole is
THIN = 5  # half of the width, in its pixels, of what is not shown


@dataclass(frozen=True)
class Fitted:
    """A reference at the ``landmarks`` (5, 2) of a face: its ``picture`` (1, 3, S, S), and where it is
    shown, ``weight`` (1, 1, S, S) as 0 or 1.
    """

    picture: Tensor
    weight: Tensor
    landmarks: Tensor


def fit(library: Library, name: str, landmarks: Tensor, visible: Tensor) -> Fitted:
    """The person ``name`` with their landmarks at ``landmarks`` (5, 2), in a frame with a hole.

    The hole is where ``visible`` (1, 1, S, S) is 0. Raises ``LibraryError`` where the library has no such
    person (``references.people``).
    """
    size = visible.shape[3]
    fitted = [_fit(library, place, landmarks, size) for place in people.placements(library, name)]
    picture, weight = fitted[0].picture, fitted[0].weight
    if len(fitted) == 2:
        upper, lower = fitted
        weights = torch.cat([upper.weight, lower.weight])
        picture, weight = mixing.join(upper.picture, lower.picture, weights, landmarks)
    return Fitted(*widened(picture, weight, visible, landmarks), landmarks)


def _fit(library: Library, place: Placement, landmarks: Tensor, size: int) -> Fitted:
    crop, own = library.crop(place.row, size), library.landmarks[place.row]
    matte = library.mattes[place.row : place.row + 1].float() / 255
    if place.mirrored:
        crop, matte, own = *(part.flip(3) for part in (crop, matte)), fitting.mirror_landmarks(own)
    coarse = (landmarks + 0.5) * (SIDE / size) - 0.5
    weight = shown(fitting.warp(matte, own * SIDE - 0.5, coarse), coarse)
    larger = enlarge(gaussian(weight, ROUND), size)
    return Fitted(fitting.warp(crop, own * size - 0.5, landmarks), (larger > 0.5).float(), landmarks)


def render(library: Library, name: str, frame: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
    """A frame (1, 3, S, S) with the person ``name`` in its hole, where ``visible`` (1, 1, S, S) is 0.

    Hidden pixels of ``frame`` are not looked at. Beside the reference a network has drawn what lies between
    it and the edge of the hole.
    """
    return joined(fit(library, name, landmarks, visible), frame, visible)


def joined(fitted: Fitted, frame: Tensor, visible: Tensor) -> Tensor:
    """The same of a reference that is fitted already."""
    given = refining.conditions(frame, visible, fitted.picture, fitted.weight)
    layers = backdrop.layers(
        refining.drawn(given), given[:, :3], given[:, 3:4], (given[:, 7:] > 0.5).to(given)
    )
    face = harmonizing.detailed(layers.face, fitted.picture, fitted.weight)
    face = brows.faded(face, frame, visible, fitted.landmarks)
    face = softened(face, fitted.picture, fitted.weight, fitted.landmarks)
    around = torch.where(visible > 0.5, frame, enlarge(layers.around, frame.shape[3]))
    return harmonizing.compose(around, face, fitted.weight, layers.apart)


def pasted(fitted: Fitted, guess: Tensor, visible: Tensor) -> Tensor:
    """The first way, without a network that joins: a guess's low frequencies, and beside the reference its
    surroundings continued. ``guess`` (1, 3, S, S) shows a guess where ``visible`` (1, 1, S, S) is 0.
    """
    face = harmonizing.by_frequencies(guess, visible, fitted.picture, fitted.weight)
    return harmonizing.compose(surroundings.continued(guess, visible), face, fitted.weight)


def shown(matte: Tensor, landmarks: Tensor) -> Tensor:
    """Where a reference is shown, as 0 or 1: its own skin, inside the outline of the face; (1, 1, 128, 128).

    ``matte`` (1, 1, 128, 128) is of the reference at the ``landmarks`` (5, 2), in pixels of the same view.
    """
    outline = 1 - masks.frame_mask(OUTLINE, landmarks.double(), SIDE)
    smooth = (gaussian(outline * (matte > 0.5), 1.5) > 0.6).float()
    # What is thin is no face: a strand of neck beside the chin, an ear's edge.
    return dilate(1 - dilate(1 - smooth, THIN), THIN - 1) * smooth
