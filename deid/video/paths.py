"""Where the face of a track is in each frame: between sightings, before the first and after the last one.

What was found is smoothed without a lag, for later frames are known as well: the place by a local parabola,
which follows a head that starts or stops, size and shape by means over more frames (Savitzky and Golay, 1964,
with Gaussian weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import binary_dilation

from deid.photo.faces import Face
from deid.video import poses
from deid.video.tracking import Sighting, Track, velocity

MARGIN = 0.25  # seconds before the first and after the last sighting in which a face is hidden as well
LEAVING = 1.0  # seconds for one that leaves the picture, or comes into it: half a face is seldom found
BORDER = 0.75  # face sizes from the border
CUT, CUT_FOR = 0.08, 0.5  # so much of a box beyond the border cuts a face; for so many seconds it is guessed
PLACE, SHAPE = 0.08, 0.12  # seconds: how far smoothing looks to both sides
LEAST = 2.0  # frames, the same
FAR_AWAY = 2**40  # frames
LITTLE = 0.01  # what a frame between two sightings counts
AT_ONCE = 4096  # frames
GAP = 4  # frames between two sightings from which on a face may have turned back
STEADY = 0.2  # seconds that tell how fast a face leaves


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


def path_of(track: Track, size: tuple[int, int], rate: float, every: int, least: float) -> Path:
    """The path of a track through a clip of frames ``size`` (width, height), ``rate`` a second.

    ``every``: of so many frames one was searched. ``least``: the score from which on the detector is sure.
    """
    whole = [s for s in track.sightings if s.face.score >= least and not _is_cut(s, size)]
    some = _believed(track.sightings, whole, CUT_FOR * rate)
    before = _margin(some, track.sightings[0], size, rate, -1)
    after = _margin(some, track.sightings[-1], size, rate, 1)
    first = max(track.begin, track.sightings[0].frame - before)
    frames = np.arange(first, min(track.end, track.sightings[-1].frame + after + 1))
    seen = np.array([sighting.frame for sighting in some])
    values, wrong = poses.measured([sighting.face for sighting in some])
    known = np.stack([np.interp(frames, seen, column) for column in values.T], 1)
    known[:, :2] += _beyond(some, frames, rate) + _curved(some, values[:, :2], frames, rate)
    counts = _counts(frames, seen)
    known[:, :2] = _smooth(known[:, :2], counts, max(LEAST, PLACE * rate), 2)
    known[:, 2:] = _smooth(known[:, 2:], counts, max(LEAST, SHAPE * rate), 1)
    doubted = {sighting.frame for sighting, doubt in zip(some, wrong, strict=True) if doubt}
    good = [s for s in whole if not s.touched and s.frame not in doubted]
    sure = np.array([sighting.frame for sighting in good] or [-FAR_AWAY])
    away = np.abs(frames[:, None] - sure[None]).min(1)
    # The last look before a face is lost is seldom a good one.
    lost = binary_dilation(away >= max(2, every), iterations=every)
    return Path(first, poses.points(known), lost, track.score)


def _is_cut(sighting: Sighting, size: tuple[int, int]) -> bool:
    """Whether a face reaches over the border: a detector then sees it too far outside, and too large."""
    x1, y1, x2, y2 = sighting.face.box
    beyond = max(-x1, -y1, x2 - size[0], y2 - size[1])
    return beyond > CUT * sighting.face.size


def _believed(every: Sequence[Sighting], whole: Sequence[Sighting], reach: float) -> list[Sighting]:
    """Sightings that say where a face is: good ones (``whole``), and others far from these."""
    frames = np.array([sighting.frame for sighting in whole])
    if len(whole) < 2:
        return list(every)
    return [s for s in every if s in whole or np.abs(frames - s.frame).min() > reach]


def _near(sightings: Sequence[Sighting], rate: float, direction: int) -> Sequence[Sighting]:
    """The first or the last sightings, two of them or more, that tell a face's speed there."""
    end = sightings[0 if direction < 0 else -1].frame
    near = [s for s in sightings if abs(s.frame - end) <= STEADY * rate]
    return near if len(near) > 1 else sightings[:2] if direction < 0 else sightings[-2:]


def _margin(
    some: Sequence[Sighting], last: Sighting, size: tuple[int, int], rate: float, direction: int
) -> int:
    """Frames that a face is hidden for before its first sighting (direction -1) or after its last one (1)."""
    usual = max(2, round(MARGIN * rate))
    speed = velocity(_near(some, rate, direction)) * direction
    reach = BORDER * last.face.size
    low, high = last.centre < reach, last.centre > np.array(size) - reach
    outwards = (low & (speed < 0)) | (high & (speed > 0))
    return max(usual, round(LEAVING * rate)) if outwards.any() else usual


def _beyond(sightings: Sequence[Sighting], frames: np.ndarray, rate: float) -> np.ndarray:
    """How far a face moved on before its first and after its last sighting, (T, 2)."""
    before = np.minimum(frames - sightings[0].frame, 0)[:, None]
    after = np.maximum(frames - sightings[-1].frame, 0)[:, None]
    return sum(
        steps * velocity(_near(sightings, rate, direction)) for steps, direction in ((before, -1), (after, 1))
    )


def _curved(sightings: Sequence[Sighting], places: np.ndarray, frames: np.ndarray, rate: float) -> np.ndarray:
    """How far a face strays from the straight line between two sightings, (T, 2).

    Between them it goes on as it went before, and comes as it comes after (a cubic Hermite spline): one that
    leaves the picture and returns was outside.
    """
    strayed = np.zeros((len(frames), 2))
    for k, (one, next_one) in enumerate(pairwise(sightings)):
        length = next_one.frame - one.frame
        if length <= GAP:
            continue
        straight = (places[k + 1] - places[k]) / length
        away = velocity(_near(sightings[: k + 1], rate, 1)) - straight
        back = velocity(_near(sightings[k + 1 :], rate, -1)) - straight
        inside = slice(one.frame - frames[0], next_one.frame - frames[0])
        share = (frames[inside, None] - one.frame) / length
        strayed[inside] = length * share * (1 - share) * ((1 - share) * away - share * back)
    return strayed


def _counts(frames: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """What each frame counts for its neighbours, (T,): nothing where it was only passed over.

    Between two sightings close by there is nothing but a straight line; in a longer gap it is all there is.
    """
    after = np.searchsorted(seen, frames)
    gap = seen[after.clip(max=len(seen) - 1)] - seen[(after - 1).clip(min=0)]
    passed = (after > 0) & (after < len(seen)) & (gap <= GAP) & ~np.isin(frames, seen)
    return np.where(passed, LITTLE, 1.0)


def _smooth(values: np.ndarray, counts: np.ndarray, spread: float, degree: int) -> np.ndarray:
    """Values (T, D), each that of a polynomial fitted to its surroundings with Gaussian weights.

    ``counts`` (T,) are further weights.
    """
    reach = max(1, round(3 * spread))
    steps = np.arange(-reach, reach + 1)
    weights, powers = np.exp(-0.5 * (steps / spread) ** 2), (steps / spread)[:, None] ** np.arange(degree + 1)
    smooth = np.empty_like(values)
    for start in range(0, len(values), AT_ONCE):
        places = np.arange(start, min(start + AT_ONCE, len(values)))[:, None] + steps
        inside = weights * ((places >= 0) & (places < len(values)))
        inside = inside * counts[places.clip(0, len(values) - 1)]
        around = values[places.clip(0, len(values) - 1)]
        normal = np.einsum("tw,wi,wj->tij", inside, powers, powers) + 1e-9 * np.eye(degree + 1)
        right = np.einsum("tw,wi,twd->tid", inside, powers, around)
        smooth[start : start + AT_ONCE] = np.linalg.solve(normal, right)[:, 0]
    return smooth
