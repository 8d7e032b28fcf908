"""Faces of single frames linked to tracks: one person through one shot.

Each frame's faces are given to the tracks that are under way, all at once and at the least cost (Kuhn, 1955):
how far a face is from where its track would be, how much its size and its look changed. Faces that the
detector is sure of come first, then the others (after Zhang et al., 2022, "ByteTrack"). A track waits for a
face that is lost; what becomes of the frames between is for ``video.paths``.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from deid.photo.faces import Face
from deid.video.shots import shot_of

WAIT = 1.0  # seconds that a track waits for its face
NEAR, FARTHER, FARTHEST = 0.6, 0.06, 1.6  # face sizes from where it would be: at once, more a frame, at most
GROWN = 0.5  # the logarithm of how much larger or smaller it may be
LOOK = 0.5  # what another look costs
STEADY = 4  # sightings that tell how fast a face moves
IMPOSSIBLE = 1e6
ENOUGH = 3  # sightings that make a face


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face that was found in a frame, and its ``look``, a unit vector (D,); empty where it is not known.

    ``touched``: another face reaches over it, so that it may be half hidden.
    """

    frame: int
    face: Face
    look: np.ndarray = field(default_factory=lambda: np.zeros(0))
    touched: bool = False

    @property
    def centre(self) -> np.ndarray:
        """The middle of its box, (2,)."""
        x1, y1, x2, y2 = self.face.box
        return np.array([x1 + x2, y1 + y2]) / 2


@dataclass(eq=False)
class Track:
    """One person through one shot: what was found, in order. The shot is frames ``begin`` to ``end``, which
    is the first of the next one.
    """

    begin: int
    end: int
    sightings: list[Sighting]

    @property
    def score(self) -> float:
        """The median score of all sightings; 0 for fewer than ``ENOUGH`` where the shot has room for more.

        In many frames a fist is taken for a face once or twice. A face is one in most of them.
        """
        few = len(self.sightings) < min(ENOUGH, (self.end - self.begin) // (2 * ENOUGH))
        return 0.0 if few else statistics.median(sighting.face.score for sighting in self.sightings)

    @property
    def size(self) -> float:
        """The median size in pixels."""
        return float(np.median([sighting.face.size for sighting in self.sightings]))

    def where(self, frame: int) -> np.ndarray:
        """Where the face would be in a later frame if it moved on as it did, (2,)."""
        last = self.sightings[-1]
        return last.centre + velocity(self.sightings[-STEADY:]) * (frame - last.frame)


def velocity(sightings: Sequence[Sighting]) -> np.ndarray:
    """How many pixels a face moves from frame to frame, (2,): a straight line through its sightings."""
    times = np.array([sighting.frame for sighting in sightings], float)
    places = np.stack([sighting.centre for sighting in sightings])
    times = times - times.mean()
    spread = (times**2).sum()
    return times @ (places - places.mean(0)) / spread if spread else np.zeros(2)


def link(
    found: Mapping[int, Sequence[Sighting]], starts: Sequence[int], count: int, rate: float, sure: float
) -> list[Track]:
    """The tracks of a clip of ``count`` frames, ``rate`` a second, whose shots begin at ``starts``.

    ``found``: what was seen, by frame. ``sure``: the score from which on the detector is.
    """
    done, live = list[Track](), list[Track]()
    wait = max(3, round(WAIT * rate))
    for frame in sorted(found):
        over = [track for track in live if frame >= track.end or frame - track.sightings[-1].frame > wait]
        done += over
        live = [track for track in live if track not in over]
        seen = list(found[frame])
        certain = [sighting for sighting in seen if sighting.face.score >= sure]
        left = give(live, certain, frame)
        waiting = [track for track in live if track.sightings[-1].frame < frame]
        left += give(waiting, [sighting for sighting in seen if sighting.face.score < sure], frame)
        shot = shot_of(starts, frame)
        end = starts[shot + 1] if shot + 1 < len(starts) else count
        live += [Track(starts[shot], end, [sighting]) for sighting in left]
    return sorted([*done, *live], key=lambda track: track.sightings[0].frame)


def give(tracks: Sequence[Track], seen: Sequence[Sighting], frame: int) -> list[Sighting]:
    """Give each sighting to the track that it belongs to -> those that belong to none."""
    if not tracks or not seen:
        return list(seen)
    costs = np.array([[_cost(track, sighting, frame) for sighting in seen] for track in tracks])
    placed = set()
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if costs[row, column] < IMPOSSIBLE:
            tracks[row].sightings.append(seen[column])
            placed.add(column)
    return [sighting for column, sighting in enumerate(seen) if column not in placed]


def _cost(track: Track, sighting: Sighting, frame: int) -> float:
    last = track.sightings[-1]
    sizes = last.face.size, sighting.face.size
    reach = min(FARTHEST, NEAR + FARTHER * (frame - last.frame))
    places = (last.centre, track.where(frame))  # a face may have stopped
    apart = min(float(np.linalg.norm(sighting.centre - place)) for place in places) / max(sizes)
    ahead = float(np.linalg.norm(sighting.centre - places[1])) / max(sizes)
    grown = abs(np.log(sizes[1] / sizes[0]))
    if apart > reach or grown > GROWN:
        return IMPOSSIBLE
    both = last.look.size and sighting.look.size
    return ahead + grown + (LOOK * (1 - float(last.look @ sighting.look)) if both else 0.0)
