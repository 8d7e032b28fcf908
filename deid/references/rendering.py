"""One person, by a name of a library's people, as it is shown in one frame."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import masks
from deid.photo.blending import gaussian
from deid.photo.masks import dilate
from deid.photo.resampling import enlarge
from deid.references import fitting, harmonizing, mixing, people, surroundings
from deid.references.harmonizing import Harmonizer
from deid.references.library import Library
from deid.references.people import Placement

SIDE = 128  # of the view in which a face's outline is found
HEAD = 0.15  # difference, of [-1, 1], from which a guess shows something else than what lies around
DEEP = 10  # of those pixels from the edge of a hole: further in a guess's detail is shown


@dataclass(frozen=True)
class Fitted:
    """A reference at the landmarks of a face: its ``picture`` (1, 3, S, S), and where it is shown,
    ``weight`` (1, 1, S, S) as 0 or 1.
    """

    picture: Tensor
    weight: Tensor


def fit(library: Library, name: str, landmarks: Tensor, size: int) -> Fitted:
    """The person ``name`` with their landmarks at ``landmarks`` (5, 2), in a frame of ``size`` pixels.

    Raises ``LibraryError`` where the library has no such person (``references.people``).
    """
    shown = [_fit(library, place, landmarks, size) for place in people.placements(library, name)]
    if len(shown) == 1:
        return shown[0]
    upper, lower = shown
    return Fitted(
        *mixing.join(upper.picture, lower.picture, torch.cat([upper.weight, lower.weight]), landmarks)
    )


def _fit(library: Library, place: Placement, landmarks: Tensor, size: int) -> Fitted:
    crop, own = library.crop(place.row, size), library.landmarks[place.row]
    matte = library.mattes[place.row : place.row + 1].float() / 255
    both = torch.cat([crop, F.interpolate(matte, (size, size), mode="bilinear")], 1)
    if place.mirrored:
        both, own = fitting.mirror(both, own)
    warped = fitting.warp(both, own * size - 0.5, landmarks)
    return Fitted(warped[:, :3], _inner(warped[:, 3:], landmarks, size))


def render(library: Library, name: str, guess: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
    """A frame (1, 3, S, S) in which the person ``name`` has the tone and light of ``guess``.

    ``guess`` (1, 3, S, S) shows what is known of the frame; ``visible`` (1, 1, S, S) is 1 where it is seen.
    Beside the reference its surroundings go on into the hole: a guess there is a smear.
    """
    return harmonized(fit(library, name, landmarks, guess.shape[3]), guess, visible)


def harmonized(
    fitted: Fitted,
    guess: Tensor,
    visible: Tensor,
    harmonizer: Harmonizer = harmonizing.harmonize,
) -> Tensor:
    """The same of a reference that is fitted already."""
    face = harmonizer(guess, visible, fitted.picture, fitted.weight)
    return harmonizing.compose(_beside(guess, visible), face, fitted.weight)


def _beside(guess: Tensor, visible: Tensor) -> Tensor:
    """What is seen beside a reference (1, 3, S, S): the head as wide as the guess has it, else surroundings.

    A reference may be narrower than the head, or show less hair. Where the guess differs from what lies
    around the hole it shows a head. Near the edge of the hole only its tone is shown: its detail is a smear.
    """
    size = guess.shape[3]
    around = surroundings.continued(guess, visible)
    small = F.interpolate(torch.cat([guess, around, 1 - visible], 1), (SIDE, SIDE), mode="area")
    apart = (small[:, :3] - small[:, 3:6]).abs().mean(1, keepdim=True)
    head = gaussian((gaussian(apart, 1.0) > HEAD).float(), 2.0).gt(0.5).float() * small[:, 6:]
    tone = enlarge(harmonizing.low(guess, enlarge(head, size).clamp(0, 1)), size)
    deep = enlarge(gaussian(1 - dilate(1 - small[:, 6:], DEEP), 2.0), size).clamp(0, 1)
    share = enlarge(gaussian(head, 1.0), size).clamp(0, 1)
    beside = share * (deep * guess + (1 - deep) * tone) + (1 - share) * around
    return torch.where(visible > 0.5, guess, beside.clamp(-1, 1))


def _inner(matte: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """Where a reference is shown (1, 1, S, S): its own skin, inside the outline of the face."""
    outline = 1 - masks.frame_mask("face", landmarks.double(), size)
    inside = F.interpolate(outline * (matte > 0.5), (SIDE, SIDE), mode="area")
    smooth = (gaussian(inside, 1.5) > 0.6).float()
    return (F.interpolate(1 - dilate(1 - smooth, 1), (size, size), mode="bilinear") > 0.5).float()
