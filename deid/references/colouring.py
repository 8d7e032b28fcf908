"""As much colour as skin has: what a network that joins a reference to a photo loses where it is not sure.

A network that is asked for the mean of what may be draws skin that is greyer than any. Skin of every tone has
about as much colour (chroma), less in the dark, so a reference tells how much: what was drawn keeps its light
and its hue, and gets a good part of the reference's chroma. Where there is no colour around, in a grey photo,
it gets none.
"""

from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import lab, light

SHARE, MOST = 0.65, 2.0  # of what is missing that is given back, and times the chroma at most
LEAST = 3.0  # chroma below which a hue says nothing
COLOURFUL = 8.0  # mean chroma around a face from which on a photo counts as coloured
GREY = 1.0  # and below which it is grey
SOFT = 3.0  # pixels, of 128


def coloured(drawn: Tensor, frame: Tensor, visible: Tensor, picture: Tensor, weight: Tensor) -> Tensor:
    """What was drawn (1, 3, 128, 128) with about as much colour as the reference's skin has.

    ``frame`` (1, 3, 128, 128) is seen where ``visible`` (1, 1, 128, 128) is 1; the reference ``picture``
    (1, 3, 128, 128) is shown where ``weight`` is.
    """
    if not (weight.any() and visible.any()):
        return drawn
    own, wanted = (_mean(lab(part), weight) for part in (drawn, picture))
    shaded = (own[0] / wanted[0].clamp(min=1)).clamp(max=1).sqrt()
    own, wanted = own[1:].norm(), wanted[1:].norm() * shaded
    around = _mean(lab(frame)[:, 1:].square().sum(1, keepdim=True).sqrt(), visible)
    missing = (wanted / own.clamp(min=LEAST) - 1).clamp(min=0)
    gain = (SHARE * missing).clamp(max=MOST - 1) * (around / COLOURFUL).clamp(max=1)
    gain = gain - (1 - around / GREY).clamp(min=0)
    grey = 2 * light(drawn) - 1
    share = gaussian(weight, SOFT) * (1 - visible)
    return (drawn + share * gain * (drawn - grey)).clamp(-1, 1)


def _mean(colours: Tensor, weight: Tensor) -> Tensor:
    """Means (C,) of (1, C, S, S) where ``weight`` (1, 1, S, S) is."""
    return ((colours * weight).sum((2, 3)) / weight.sum())[0]
