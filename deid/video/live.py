"""A camera's picture, anonymized while it comes: what is not known yet cannot be waited for."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from deid.anonymization.options import Options
from deid.photo.faces import Face
from deid.video import casting, engine, poses, searching, tracking
from deid.video.casting import Probe
from deid.video.disguises import Disguise
from deid.video.drawing import Painted, Painter
from deid.video.reading import ClipError, ClipFrame
from deid.video.searching import Finder
from deid.video.tracking import Sighting, Track, velocity

HOLD = 30  # frames that a lost face stays hidden
MOVES_ON = 5  # of these it moves on as it did
FOLLOWED = 0.4  # share of a new sighting's size and shape in what is drawn; the rest is what it was
WINDOW = "deid"
ENOUGH = 8  # sightings that are remembered


@dataclass(eq=False)
class Present:
    """A person before the camera: what was seen last, the pose that is drawn, and what hides it."""

    track: Track
    number: int
    pose: np.ndarray
    disguise: Disguise


def anonymized(frames: Iterable[np.ndarray], options: Options, find: Finder) -> Iterator[Painted]:
    """What is shown of frames (H, W, 3) uint8, one by one; every frame is searched.

    A face that is lost stays hidden where it would be, for ``HOLD`` frames, behind a larger mask. While a new
    person is chosen, the picture stands still.
    """
    painter, present, count = Painter(options), list[Present](), 0
    for number, pixels in enumerate(frames):
        present = [one for one in present if number - one.track.sightings[-1].frame <= HOLD]
        sightings = searching.seen(ClipFrame(pixels, number, number), find)
        for sighting in tracking.give([one.track for one in present], sightings, number):
            others = [(other.face, False) for other in sightings if other is not sighting]
            around = casting.probe(pixels, sighting.face, others)
            beside = [one.disguise.reference for one in present]
            present.append(_new(count, sighting, around, beside, options))
            count += 1
        shown = {}
        for one in present:
            lost = one.track.sightings[-1].frame < number
            shown[one.number] = one.disguise.target(_now(one, number), options, lost)
        yield painter.paint(pixels, shown)


def _new(number: int, sighting: Sighting, around: Probe, beside: list[str], options: Options) -> Present:
    """A person who was not there before, ``beside`` those who are shown already."""
    # Whoever the detector is not sure of at first is black for as long as they stay.
    chosen = casting.disguise(number, sighting.face.score, [around], options, beside)
    return Present(Track(0, sys.maxsize, [sighting]), number, poses.measured([sighting.face])[0][0], chosen)


def _now(one: Present, number: int) -> Face:
    """Where a person's face is drawn: the place is that of this frame, size and shape follow slowly."""
    sightings = one.track.sightings
    del sightings[:-ENOUGH]
    last = sightings[-1]
    pose = poses.measured([last.face])[0][0]
    if abs(pose[3] - one.pose[3]) < np.pi / 2:  # not across half a turn
        pose[2:] = one.pose[2:] + FOLLOWED * (pose[2:] - one.pose[2:])
    one.pose = pose.copy()
    pose[:2] += velocity(sightings) * min(number - last.frame, MOVES_ON)
    *landmarks, (x1, y1), (x2, y2) = poses.points(pose[None])[0].tolist()
    return Face((x1, y1, x2, y2), last.face.score, tuple(map(tuple, landmarks)))


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
