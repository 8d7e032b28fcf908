"""A reference in the light of the photo: two ways of giving it the tone and the light of the place.

``by_frequencies``: low frequencies come from the frame (what is visible, and a guess where nothing is), high
ones from the reference. ``by_network``: a small network that has learned to join faces to photos draws the
reference there, and finer detail comes from the reference. The tool uses the second.
"""

from typing import Protocol

import torch
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import exposed, exposure
from deid.photo.resampling import enlarge
from deid.references import refining
from deid.references.refining import low
from deid.references.steadying import steadied
from deid.references.toning import toned

SIDE = 128  # low frequencies need no more
SPREAD = 8 / 128  # of the frame's side: finer than this is the reference's
SHARP = 2 / 128  # the same where a network has drawn the reference itself
CONTRAST = (0.08, 1.0)  # how much the reference's detail may lose in the dark, and gain in the light
EDGE, SHARP_EDGE = 0.018, 0.006  # of the side: how softly a reference ends before skin, and before a wall


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
    del visible  # the guess is believed as it is
    (seen, share), (own, _) = (refining.shown(part, weight) for part in (frame, reference))
    return _applied(_fields(low(seen, share, SPREAD), low(own, share, SPREAD)), reference)


def by_network(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """The reference as a network joins it to what is visible (``refining``); as a ``Harmonizer``."""
    given = refining.conditions(frame, visible, reference, weight)
    return detailed(refining.drawn(given), given, reference, weight)


HARMONIZERS: dict[str, Harmonizer] = {"frequencies": by_frequencies, "network": by_network}


def detailed(drawn: Tensor, given: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """The light of ``drawn`` (1, 3, 128, 128) and the detail of ``reference`` (1, 3, S, S), of one face.

    As in ``by_frequencies``, but what is drawn shows the reference itself, so that all but its finest detail
    can come from there. Its light is made even first (``steadying``), then it gets the tone of the skin that
    is seen in what was ``given`` to the network (1, 8, 128, 128; ``toning``).
    """
    own, share = refining.shown(reference, weight)
    even = _toned(steadied(drawn, own, share), given)
    return _applied(_fields(low(even, share, SHARP), low(own, share, SHARP)), reference)


def _toned(face: Tensor, given: Tensor) -> Tensor:
    """In the dark all colours are much alike: there both are brightened for it, as for the network."""
    seen, shown = given[:, 3:4], (given[:, 7:] > 0.5).to(given)
    gain = exposure(given[:, :3], seen)
    bright = exposed(face, gain)
    return face + (toned(bright, exposed(given[:, :3], gain), seen, shown) - bright) / gain


def compose(frame: Tensor, face: Tensor, weight: Tensor, apart: Tensor | None = None) -> Tensor:
    """``face`` inside ``weight`` (1, 1, S, S), ``frame`` outside, a soft edge between; (1, 3, S, S) each.

    The edge is sharp where both are ``apart`` (1, 1, 128, 128; from 0 to 1).
    """
    inside = refining.shrunk(weight)
    soft, sharp = (2 * gaussian(inside, edge * SIDE) - 1 for edge in (EDGE, SHARP_EDGE))
    if apart is not None:
        soft = soft + apart * (sharp - soft)
    share = enlarge(soft, frame.shape[3]).clamp(0, 1)
    return (share * face + (1 - share) * frame).clamp(-1, 1)


def _fields(wanted: Tensor, own: Tensor) -> Tensor:
    """Gains and offsets (1, 6, 128, 128) that move means ``own`` (1, 3, 128, 128) to those ``wanted``."""
    light, before = (((part + 1) / 2).mean(1, keepdim=True).clamp(min=0.02) for part in (wanted, own))
    contrast = (light / before).clamp(*CONTRAST)
    return torch.cat([contrast.expand(-1, 3, -1, -1), wanted - contrast * own], 1)


def _applied(fields: Tensor, reference: Tensor) -> Tensor:
    """The reference (1, 3, S, S) times smooth gains plus smooth offsets (1, 6, 128, 128)."""
    gain, offset = enlarge(fields, reference.shape[3]).chunk(2, 1)
    return gain * reference + offset
