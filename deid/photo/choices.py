"""What can be asked of this room by name: detectors and masks. The command line shows it, without PyTorch."""

from typing import NamedTuple

DETECTORS = ("mtcnn", "union", "thorough")


class Outline(NamedTuple):
    """A face's outline times ``scale``. Its ends lie so far ``above`` and ``below`` its middle, in eye
    distances; it is so many times as ``wide`` as a face.
    """

    scale: float = 1.0
    above: float = 1.15
    below: float = 1.38
    wide: float = 1.0


# How much is hidden, how much stays. Raised brows and large glasses reach over "face", not over "forehead".
# Beside "inner" the edge of jaw and chin stays: a new one seldom fits the head.
OUTLINES = {
    "inner": Outline(above=1.25, below=1.15, wide=0.92),
    "face": Outline(),
    "forehead": Outline(above=1.3),
    "face-80": Outline(0.8),
    "face-120": Outline(1.2),
    "face-140": Outline(1.4),
}
MASKS = (*OUTLINES, "centre-50", "centre-32")
# How much of its own geometry a face is drawn with (``photo.shapes``).
SHAPES = ("own", "pose", "mean")
