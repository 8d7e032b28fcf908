"""Where the face of a track is in each frame: between sightings, before the first and after the last one.

What was found is smoothed without a lag, for later frames are known as well: the place by a local parabola,
which follows a head that starts or stops, size and shape by means over more frames (Savitzky and Golay, 1964,
with Gaussian weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deid.photo.faces import Face
from deid.video.tracking import Sighting, Track, velocity

MARGIN = 0.25  # seconds before the first and after the last sighting in which a face is hidden as well
LEAVING = 1.0  # seconds for one that leaves the picture, or comes into it: half a face is seldom found
BORDER = 0.75  # face sizes from the border
PLACE, SHAPE = 0.05, 0.12  # seconds: how far smoothing looks to both sides
LEAST = 1.2  # frames, the same
WRONG = 0.15  # face sizes that landmarks may differ from their neighbours' by
AT_ONCE = 4096  # frames
STEADY = 0.3  # seconds that tell how fast a face leaves


@dataclass(frozen=True, eq=False)
class Path:
    """A face in each frame from ``first`` on: ``points`` (T, 7, 2), its landmarks and two corners of its box;
    ``lost`` (T,): where the detector did not see it.
    """

    first: int
    points: np.ndarray
    lost: np.ndarray
    score: float

    @property
    def end(self) -> int:
        """The frame after the last one."""
        return self.first + len(self.points)

    def face(self, frame: int) -> Face:
        """The face in a frame between ``first`` and ``end``."""
        *landmarks, (x1, y1), (x2, y2) = self.points[frame - self.first].tolist()
        return Face((x1, y1, x2, y2), self.score, tuple(map(tuple, landmarks)))


def path_of(track: Track, size: tuple[int, int], rate: float, every: int) -> Path:
    """The path of a track through a clip of frames ``size`` (width, height), ``rate`` a second.

    ``every``: of so many frames one was searched.
    """
    sightings, limits = track.sightings, (track.begin, track.end)
    seen = np.array([sighting.frame for sighting in sightings])
    before = _margin(sightings[: _few(rate)], size, rate, -1)
    after = _margin(sightings[-_few(rate) :], size, rate, 1)
    first, end = max(limits[0], seen[0] - before), min(limits[1], seen[-1] + after + 1)
    frames = np.arange(first, end)
    centre, scale, shape = _parts(sightings)
    values = np.concatenate([centre, scale[:, None], shape.reshape(len(seen), -1)], 1)
    known = np.stack([np.interp(frames, seen, column) for column in values.T], 1)
    known[:, :2] += _beyond(sightings, frames, rate)
    known[:, :2] = _smooth(known[:, :2], max(LEAST, PLACE * rate), 2)
    known[:, 2:] = _smooth(known[:, 2:], max(LEAST, SHAPE * rate), 1)
    size_of, shape = np.exp(known[:, 2])[:, None, None], known[:, 3:].reshape(-1, 7, 2)
    away = np.abs(frames[:, None] - seen[None]).min(1)
    return Path(int(first), known[:, None, :2] + size_of * shape, away >= max(2, every), track.score)


def _few(rate: float) -> int:
    return max(2, round(STEADY * rate))


def _parts(sightings: Sequence[Sighting]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (K, 2), logarithms of sizes (K,) and shapes (K, 7, 2), in sizes around the centre."""
    boxes = np.array([sighting.face.box for sighting in sightings]).reshape(-1, 2, 2)
    landmarks = np.array([sighting.face.landmarks for sighting in sightings])
    middle, size = boxes.mean(1), np.array([sighting.face.size for sighting in sightings])
    shape = (np.concatenate([landmarks, boxes], 1) - middle[:, None]) / size[:, None, None]
    # Landmarks that their neighbours contradict are not believed; where the box is, the face is.
    for k in range(len(shape)):
        near = [j for j in range(max(0, k - 3), min(len(shape), k + 4)) if j != k]
        if len(near) >= 4:
            usual = np.median(shape[near], 0)
            if np.abs(shape[k] - usual).max() > WRONG:
                shape[k] = usual
    # The mean of five landmarks is steadier than a box.
    offset = shape[:, :5].mean(1)
    return middle + size[:, None] * offset, np.log(size), shape - offset[:, None]


def _margin(sightings: Sequence[Sighting], size: tuple[int, int], rate: float, direction: int) -> int:
    """Frames that a face is hidden for before its first or after its last sighting."""
    face, usual = sightings[0 if direction < 0 else -1], max(2, round(MARGIN * rate))
    speed = velocity(sightings) * direction if len(sightings) > 1 else np.zeros(2)
    reach, (x, y) = BORDER * face.face.size, face.centre
    outwards = (
        (x < reach and speed[0] < 0)
        or (y < reach and speed[1] < 0)
        or (x > size[0] - reach and speed[0] > 0)
        or (y > size[1] - reach and speed[1] > 0)
    )
    return max(usual, round(LEAVING * rate)) if outwards else usual


def _beyond(sightings: Sequence[Sighting], frames: np.ndarray, rate: float) -> np.ndarray:
    """How far a face moved on before its first and after its last sighting, (T, 2)."""
    few = _few(rate)
    early, late = (
        velocity(some) if len(some) > 1 else np.zeros(2) for some in (sightings[:few], sightings[-few:])
    )
    before = np.minimum(frames - sightings[0].frame, 0)[:, None]
    after = np.maximum(frames - sightings[-1].frame, 0)[:, None]
    return before * early + after * late


def _smooth(values: np.ndarray, spread: float, degree: int) -> np.ndarray:
    """Values (T, D), each that of a polynomial fitted to its surroundings with Gaussian weights."""
    reach = max(1, round(3 * spread))
    steps = np.arange(-reach, reach + 1)
    weights, powers = np.exp(-0.5 * (steps / spread) ** 2), (steps / spread)[:, None] ** np.arange(degree + 1)
    smooth = np.empty_like(values)
    for start in range(0, len(values), AT_ONCE):
        places = np.arange(start, min(start + AT_ONCE, len(values)))[:, None] + steps
        inside = weights * ((places >= 0) & (places < len(values)))
        around = values[places.clip(0, len(values) - 1)]
        normal = np.einsum("tw,wi,wj->tij", inside, powers, powers) + 1e-9 * np.eye(degree + 1)
        right = np.einsum("tw,wi,twd->tid", inside, powers, around)
        smooth[start : start + AT_ONCE] = np.linalg.solve(normal, right)[:, 0]
    return smooth
