"""One person, by a name of a library's people, as it is shown in one frame."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.resampling import enlarge
from deid.references import backdrop, brows, fitting, harmonizing, mixing, outlines, people, refining
from deid.references.library import Library
from deid.references.outlines import SIDE
from deid.references.people import Placement
from deid.references.softening import softened
from deid.references.surroundings import continued
from deid.references.widening import widened

ROUND = 2.0  # pixels, of 128: an outline is a curve, not a row of them


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
    inside = outlines.within(coarse)
    skin = outlines.skin(fitting.warp(matte, own * SIDE - 0.5, coarse), inside)
    larger = enlarge(gaussian(outlines.whole(skin, inside), ROUND), size)
    picture = outlines.mended(fitting.warp(crop, own * size - 0.5, landmarks), skin)
    return Fitted(picture, (larger > 0.5).float(), landmarks)


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
    face = harmonizing.detailed(layers.face, given, fitted.picture, fitted.weight)
    face = brows.faded(face, frame, visible, fitted.landmarks)
    face = softened(face, fitted.picture, fitted.weight, fitted.landmarks)
    around = torch.where(visible > 0.5, frame, enlarge(layers.around, frame.shape[3]))
    return harmonizing.compose(around, face, fitted.weight, layers.apart)


def pasted(fitted: Fitted, guess: Tensor, visible: Tensor) -> Tensor:
    """The first way, without a network that joins: a guess's low frequencies, and beside the reference its
    surroundings continued. ``guess`` (1, 3, S, S) shows a guess where ``visible`` (1, 1, S, S) is 0.
    """
    face = harmonizing.by_frequencies(guess, visible, fitted.picture, fitted.weight)
    return harmonizing.compose(continued(guess, visible), face, fitted.weight)
