"""A sharp outline where a network drew a soft one: beside a reference it averages head and background.

Each pixel there is a mixture of the head's colour, continued outwards, and of the surroundings', continued
inwards (the compositing equation; Porter and Duff, 1984). The share of the head is found and made steeper.
"""

from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.masks import dilate
from deid.references.surroundings import continued

CORE = 2  # pixels, of 128, from the edge of a reference: further in its colours are its own
STEEP = 0.3  # shares of 0.5 less and more than so much become 0 and 1
APART = (0.25, 0.6)  # how far head and background have to be apart, of [-1, 1], to be told from each other
MIXED = (0.15, 0.4)  # how far a pixel may be from a mixture of both


def outlined(drawn: Tensor, frame: Tensor, visible: Tensor, weight: Tensor) -> Tensor:
    """What was drawn (1, 3, 128, 128) with the outline of the head made sharp.

    ``frame`` (1, 3, 128, 128) is seen where ``visible`` (1, 1, 128, 128) is 1; the reference is shown where
    ``weight`` is. Only what lies between both is changed, where head and background differ.
    """
    rim = (1 - visible) * (1 - weight)
    core = 1 - dilate(1 - weight, CORE)
    if not (rim.any() and core.any()):
        return drawn
    around = continued(frame * visible, visible)
    change = continued(drawn, core) - around
    apart = change.square().sum(1, keepdim=True)
    share = ((drawn - around) * change).sum(1, keepdim=True) / apart.clamp(min=1e-3)
    missed = (drawn - around - share * change).square().sum(1, keepdim=True).sqrt()
    sure = _between(apart.sqrt(), *APART) * (1 - _between(missed, *MIXED))
    sure = gaussian(sure * rim, 1.0) * dilate(rim, 1)
    soft = gaussian(share.clamp(0, 1), 1.0)
    steep = _between(soft, STEEP, 1 - STEEP)
    steep = steep.square() * (3 - 2 * steep)
    return (drawn + sure * (steep - share.clamp(0, 1)) * change).clamp(-1, 1)


def _between(values: Tensor, low: float, high: float) -> Tensor:
    """0 at ``low`` and less, 1 at ``high`` and more."""
    return ((values - low) / (high - low)).clamp(0, 1)
