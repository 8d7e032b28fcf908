"""What can be asked of this room by name: detectors, masks and shapes. Shown without PyTorch."""

from typing import NamedTuple

DETECTORS = ("mtcnn", "union", "thorough")
SHAPES = ("own", "pose", "mean")  # what landmarks say of a face's own geometry (``photo.shapes``)


class Outline(NamedTuple):
    """A face's outline times ``scale``. Its ends lie so far ``above`` and ``below`` its middle, in eye
    distances; it is so many times as ``wide`` as a face. ``jaw`` is the exponent of its lower half, a
    superellipse: 2 is an ellipse, more is squarer, less narrows towards the chin. Of a turned head the far
    side is nearer by ``turning`` times what its nose leaves the middle by.
    """

    scale: float = 1.0
    above: float = 1.15
    below: float = 1.38
    wide: float = 1.0
    jaw: float = 2.3
    turning: float = 0.0


# How much is hidden, how much stays. Raised brows and large glasses reach over "face", not over "forehead".
# The latter's jaw is as narrow as a face's: beside a wider one a wall, hair or a collar has to be made up.
# "turned" is "forehead", with a nearer far side where a head is turned, as cheeks are in the median
# (``evaluation.contours``).
# Beside "inner" the edge of jaw and chin stays: a new one seldom fits the head.
OUTLINES = {
    "inner": Outline(above=1.25, below=1.15, wide=0.92),
    "face": Outline(),
    "forehead": Outline(above=1.3, jaw=1.8),
    "turned": Outline(above=1.3, jaw=1.8, turning=1.2),
    "face-80": Outline(0.8),
    "face-120": Outline(1.2),
    "face-140": Outline(1.4),
}
MASKS = (*OUTLINES, "centre-50", "centre-32")
