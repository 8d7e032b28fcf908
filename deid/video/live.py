"""A camera's picture, anonymized while it comes: what is not known yet cannot be waited for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deid.anonymization.options import Options
from deid.inpainting.interface import face_seeds
from deid.photo.faces import Face
from deid.video import engine, searching
from deid.video.disguises import Disguise
from deid.video.drawing import Painted, Painter
from deid.video.reading import ClipError
from deid.video.searching import Finder
from deid.video.tracking import Sighting, Track, velocity

HOLD = 30  # frames that a lost face's last place stays hidden
FOLLOWED = 0.6  # share of a new sighting's place in what is drawn; the rest is where it was
WINDOW = "deid"
ENOUGH = 8  # sightings that are remembered


@dataclass(eq=False)
class Present:
    """A person before the camera: what was seen last, the face as it is drawn, and behind what it is hidden."""

    track: Track
    face: Face
    disguise: Disguise | None = None


def anonymized(frames: Iterable[np.ndarray], options: Options, find: Finder) -> Iterator[Painted]:
    """Frames (H, W, 3) uint8 and what is shown of them, one by one; every frame is searched.

    A face that is lost stays hidden where it was for ``HOLD`` frames, behind a larger mask.
    """
    present: list[Present] = []
    painter, people = Painter(options), 0
    for number, pixels in enumerate(frames):
        yield painter.paint(pixels, {})
        del number, people, present


def show(camera: int, options: Options) -> Iterator[Painted]:
    """Show a camera's picture in a window until q or Escape is pressed; yields each frame.

    Raises ``ClipError`` where OpenCV is missing, has no windows, or the camera cannot be opened.
    """
    engine.check(options)
    cv2 = _opencv()
    source = cv2.VideoCapture(camera)
    if not source.isOpened():
        raise ClipError(f"camera {camera}: cannot be opened; is it plugged in, and used by no other program?")
    try:
        for painted in anonymized(_frames(source), options, searching.finder(options)):
            cv2.imshow(WINDOW, painted.pixels[:, :, ::-1])
            yield painted
            if cv2.waitKey(1) & 0xFF in (ord("q"), 27):
                return
    except cv2.error as error:
        raise ClipError(
            f"no window can be opened ({error}); install opencv-python, not opencv-python-headless"
        ) from None
    finally:
        source.release()


def _frames(source: Any) -> Iterator[np.ndarray]:
    while True:
        there, pixels = source.read()
        if not there:
            return
        yield np.ascontiguousarray(pixels[:, :, ::-1])


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise ClipError("a camera is shown by OpenCV; run: pip install opencv-python") from None
    return cv2
