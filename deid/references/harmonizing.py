"""A reference in the light of the photo: two ways of giving it the tone and the light of the place.

``by_frequencies``: low frequencies come from the frame (what is visible, and a guess where nothing is), high
ones from the reference. ``by_network``: a small network that has learned to relight corrects the reference.
``harmonize`` is the mean of both.
"""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import exposed, exposure
from deid.photo.resampling import enlarge
from deid.references import relighting

SIDE = 128  # low frequencies need no more
SPREAD = 8 / 128  # of the frame's side: finer than this is the reference's
CONTRAST = (0.08, 1.25)  # how much the reference's detail may lose in the dark, and gain in the light
EDGE = 0.018  # of the side: how softly the reference ends


class Harmonizer(Protocol):
    """The reference (1, 3, S, S) with the tone and light of ``frame`` (1, 3, S, S), where ``weight`` is 1.

    ``frame`` is seen where ``visible`` (1, 1, S, S) is 1, elsewhere it is a guess. ``weight`` (1, 1, S, S) as
    0 or 1 is where the reference is shown.
    """

    def __call__(self, frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor: ...


def by_frequencies(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """The low frequencies of ``frame`` under the reference's detail; as a ``Harmonizer``.

    Means are taken inside ``weight`` (1, 1, S, S) only, so that neither hair nor background around a face
    colours it (normalised convolution; Knutsson and Westin, 1993). Detail is scaled with the light: in the
    dark there is less of it.
    """
    return _applied(_of_frequencies(frame, visible, reference, weight), reference)


def by_network(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """The reference as a network relights it (``relighting``); as a ``Harmonizer``."""
    return _applied(_of_network(frame, visible, reference, weight), reference)


def harmonize(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """The mean of both ways, which is better than either; as a ``Harmonizer``.

    The one follows a guess that may be wrong, the other keeps shades of the reference that do not belong here
    (``evaluation.harmonization`` measures all three).
    """
    both = [way(frame, visible, reference, weight) for way in (_of_frequencies, _of_network)]
    return _applied(torch.stack(both).mean(0), reference)


HARMONIZERS: dict[str, Harmonizer] = {
    "frequencies": by_frequencies,
    "network": by_network,
    "both": harmonize,
}


def compose(frame: Tensor, face: Tensor, weight: Tensor) -> Tensor:
    """``face`` inside ``weight`` (1, 1, S, S), ``frame`` outside, a soft edge between; (1, 3, S, S) each."""
    soft = (2 * enlarge(gaussian(_shrunk(weight), EDGE * SIDE), frame.shape[3]) - 1).clamp(0, 1)
    return (soft * face + (1 - soft) * frame).clamp(-1, 1)


def _of_frequencies(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """Gains and offsets (1, 6, 128, 128) that move the reference's means to those of the frame."""
    del visible  # the guess is believed as it is
    wanted, own = low(frame, weight), low(reference, weight)
    light, before = (((part + 1) / 2).mean(1, keepdim=True).clamp(min=0.02) for part in (wanted, own))
    contrast = (light / before).clamp(*CONTRAST)
    return torch.cat([contrast.expand(-1, 3, -1, -1), wanted - contrast * own], 1)


def _of_network(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """Gains and offsets (1, 6, 128, 128) of a network that has learned from photos that are not dark."""
    frame, visible = relighting.shrunk(frame), relighting.shrunk(visible)
    brightened = exposure(frame, visible)
    given = relighting.conditions(exposed(frame, brightened), visible, reference, weight)
    gains = enlarge(relighting.load()(given), SIDE).exp() / brightened
    return torch.cat([gains, gains - 1], 1)  # values are multiplied from black on, which is -1


def _applied(fields: Tensor, reference: Tensor) -> Tensor:
    """The reference (1, 3, S, S) times smooth gains plus smooth offsets (1, 6, 128, 128)."""
    gain, offset = enlarge(fields, reference.shape[3]).chunk(2, 1)
    return gain * reference + offset


def low(images: Tensor, weight: Tensor) -> Tensor:
    """Means of images (1, 3, S, S) around each pixel, inside ``weight`` (1, 1, S, S) -> (1, 3, 128, 128)."""
    share = _shrunk(weight)
    sums = gaussian(_shrunk(images * weight), SPREAD * SIDE)
    around = gaussian(share, SPREAD * SIDE)
    means = sums / around.clamp(min=1e-3)
    return torch.where(around > 1e-3, means, _shrunk(images))


def _shrunk(images: Tensor) -> Tensor:
    return F.interpolate(images, (SIDE, SIDE), mode="area")
