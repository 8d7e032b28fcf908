"""How well clips are done, on staged ones whose truth is known: what is seen of a face, what flickers."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from deid.anonymization.options import Options
from deid.photo import alignment, images, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.video import casting, engine, searching, staging
from deid.video.drawing import Role
from deid.video.staging import Actor, Head, Pose, Staged

WIDTH, HEIGHT = 320, 240
SEEN = 0.01  # more of a face's inner part than this share not hidden: it is visible
SIDE = 64  # pixels in which two frames of a face are compared

Scenario = Callable[[Sequence[Head], int], Iterator[Staged]]  # heads, and how many frames


def _moves(heads: Sequence[Head], count: int) -> Iterator[Staged]:
    """One goes back and forth, another comes nearer."""
    there = staging.backdrop(WIDTH, HEIGHT)
    one = Actor(heads[0], lambda k: Pose(90 + 45 * np.sin(k / 5), 120 + 10 * np.cos(k / 3), 30))
    other = Actor(heads[1], lambda k: Pose(245, 120, 18 + 16 * k / count))
    return staging.stage([one, other], count, lambda k: there)


def _turns(heads: Sequence[Head], count: int) -> Iterator[Staged]:
    """A head is turned in the plane, to 60 degrees and back."""
    there = staging.backdrop(WIDTH, HEIGHT, 1)
    one = Actor(heads[2], lambda k: Pose(160, 120, 32, 60 * np.sin(2 * np.pi * k / count)))
    return staging.stage([one], count, lambda k: there)


def _leaves(heads: Sequence[Head], count: int) -> Iterator[Staged]:
    """One leaves the picture and comes back on the same side."""
    there = staging.backdrop(WIDTH, HEIGHT, 2)
    one = Actor(heads[3], lambda k: Pose(160 + 220 * np.sin(np.pi * k / count), 120, 30))
    return staging.stage([one], count, lambda k: there)


def _crosses(heads: Sequence[Head], count: int) -> Iterator[Staged]:
    """Two pass each other, one before the other."""
    there = staging.backdrop(WIDTH, HEIGHT, 3)
    far = Actor(heads[4], lambda k: Pose(60 + 200 * k / count, 115, 26))
    near = Actor(heads[5], lambda k: Pose(260 - 200 * k / count, 125, 32))
    return staging.stage([far, near], count, lambda k: there)


def _is_cut(heads: Sequence[Head], count: int) -> Iterator[Staged]:
    """Another shot in the middle: another place, another person."""
    places = [staging.backdrop(WIDTH, HEIGHT, seed) for seed in (4, 5)]
    first = Actor(heads[6], lambda k: Pose(80, 110, 30) if k < count // 2 else None)
    second = Actor(heads[7], lambda k: Pose(230, 130, 36) if k >= count // 2 else None)
    shots = places[0] - 0.4, places[1] + 0.3
    return staging.stage([first, second], count, lambda k: shots[int(k >= count // 2)].clamp(-1, 1))


def _is_lost(heads: Sequence[Head], count: int) -> Iterator[Staged]:
    """A post passes before a face."""
    there = staging.backdrop(WIDTH, HEIGHT, 6)
    one = Actor(heads[8], lambda k: Pose(150 + k / 2, 120, 30))
    return staging.stage([one], count, lambda k: there, lambda k: Pose(320 * k / count, 0, 22))


SCENARIOS: dict[str, Scenario] = {
    "moves": _moves,
    "turns": _turns,
    "leaves and comes back": _leaves,
    "crosses": _crosses,
    "is cut": _is_cut,
    "is lost for a moment": _is_lost,
}


def visible(staged: Staged, hidden: np.ndarray) -> bool:
    """Whether of a true face more than ``SEEN`` is not hidden (H, W) in a frame."""
    return any(seen(part, hidden) > SEEN for part in staged.viewed.values())


def seen(part: np.ndarray, hidden: np.ndarray) -> float:
    """The share of a true face's pixels (H, W) that are not hidden; 0 where none is in the frame."""
    return float((part & ~hidden).sum() / max(1, part.sum())) if part.sum() > 8 else 0.0


def flicker(staged: Sequence[Staged], made: Sequence[np.ndarray]) -> list[tuple[float, float]]:
    """Mean differences inside each true face from one frame to the next, in levels: of the original, and of
    what was ``made`` (H, W, 3) of it. Both are brought to the same place by the known motion.
    """
    pairs = []
    for k in range(1, len(staged)):
        both = staged[k - 1].faces.keys() & staged[k].faces.keys()
        for name in both:
            faces = staged[k - 1].faces[name], staged[k].faces[name]
            whole = [staged[j].viewed[name] for j in (k - 1, k)]
            if not all(_is_whole(face, part) for face, part in zip(faces, whole, strict=True)):
                continue
            pairs.append(
                (
                    _apart(staged[k - 1].pixels, staged[k].pixels, faces),
                    _apart(made[k - 1], made[k], faces),
                )
            )
    return pairs


def _is_whole(face: Face, part: np.ndarray) -> bool:
    """Whether nothing stands before a face, whose viewed ``part`` (H, W) this is, and all is in the frame."""
    (x1, y1, x2, y2), (height, width) = face.box, part.shape
    full = staging.true_region(face, width, height)
    return min(x1, y1) > 0 and x2 < width and y2 < height and part.sum() > 0.98 * full.sum()


def _apart(before: np.ndarray, after: np.ndarray, faces: tuple[Face, Face]) -> float:
    """The mean difference of two frames inside a face, in levels."""
    frame = DCGAN_FRAME.resized(SIDE)
    inside = masks.frame_mask(staging.VIEWED, frame.points(), SIDE) < 0.5
    one, other = (
        alignment.crop(images.from_uint8(pixels), frame.matrix(face), SIDE)
        for pixels, face in zip((before, after), faces, strict=True)
    )
    return float((one - other).abs()[inside.expand(1, 3, -1, -1)].mean()) * 127.5


@dataclass(frozen=True)
class Measured:
    """How a method did in a scenario: of so many ``frames`` a face was ``visible`` in some; its flicker as a
    multiple of the original's; seconds of a processor, of searching, choosing and drawing.
    """

    scenario: str
    method: str
    frames: int
    visible: int
    flicker: float
    seconds: tuple[float, float, float]


def measure(scenario: str, heads: Sequence[Head], count: int, options: Options) -> Measured:
    """Do a staged clip of ``count`` frames in memory, without a file, and look at the result."""
    staged = list(SCENARIOS[scenario](heads, count))
    find, times = searching.finder(options), [time.process_time()]
    survey = engine.finished(searching.survey(staging.frames_of(staged), find, Fraction(1, staging.RATE)))
    times.append(time.process_time())
    paths = engine.follow(survey, options)
    chosen = engine.finished(casting.cast(staging.frames_of(staged), paths, options))
    roles = [Role(*pair) for pair in zip(paths, chosen, strict=True)]
    times.append(time.process_time())
    made = list(engine.paint(staging.frames_of(staged), roles, options))
    times.append(time.process_time())
    pairs = flicker(staged, [painted.pixels for painted in made])
    before, after = (sum(part) for part in zip(*pairs, strict=True)) if pairs else (math.nan, math.nan)
    hidden = sum(visible(one, painted.hidden) for one, painted in zip(staged, made, strict=True))
    first, second, third = (b - a for a, b in pairwise(times))
    return Measured(scenario, options.method, count, hidden, after / before, (first, second, third))
