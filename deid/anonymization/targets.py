"""A target is what will be done about a face, an outcome what became of it.

Both are frozen. They are held in lists, and belong together by position.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from torch import Tensor

from deid.anonymization.choices import BLACKOUT
from deid.inpainting.interface import face_seeds
from deid.photo import alignment, masks
from deid.photo.alignment import DCGAN_FRAME, Frame
from deid.photo.faces import Face
from deid.photo.shapes import Placing

if TYPE_CHECKING:
    from deid.anonymization.options import Options

DOUBTFUL = "doubtful"  # a reason to be black


@dataclass(frozen=True, eq=False)
class Target:
    """One face: where it is, how it is hidden, and what it is drawn with.

    The hole lies where the face was: ``place`` (2, 3) maps its frame's pixels to the photo's, ``landmarks``
    (5, 2) lie in that frame. What is drawn may lie a little elsewhere (jitter): ``matrix`` and ``pose`` are
    the same for it. ``truncation`` is how far the person drawn may be from the mean one. ``reference`` names
    who is shown of a library's people (empty: the method chooses, a picture of ``identity`` where one is
    given, and none of ``avoid`` while others are left). ``reason`` says why a face is black.
    """

    face: Face
    frame: Frame
    place: Tensor
    landmarks: Tensor
    matrix: Tensor
    pose: Tensor
    method: str
    mask: str
    seed: int
    truncation: float = 1.0
    reason: str = ""
    reference: str = ""
    identity: str = ""
    avoid: tuple[str, ...] = ()

    @property
    def black(self) -> bool:
        """Whether the face is covered in black."""
        return self.method == BLACKOUT

    def same_hole(self, other: "Target") -> bool:
        """Whether another target of this face hides the same pixels."""
        same = self.place is other.place and self.landmarks is other.landmarks
        return same and (self.frame, self.mask) == (other.frame, other.mask)

    def blacked_out(self, reason: str) -> "Target":
        """The same face, given up: it is covered instead, jaw and chin as well; the manifest says why."""
        return replace(self, method=BLACKOUT, mask=masks.COVERED.get(self.mask, self.mask), reason=reason)

    def reseeded(self, seed: int, placing: Placing) -> "Target":
        """The same hole for another person."""
        matrix, pose = _drawn_at(self.face, self.frame, seed, placing)
        return replace(self, matrix=matrix, pose=pose, seed=seed, reference="", identity="")

    def in_frame_of(self, size: int, placing: Placing) -> "Target":
        """The same face and person in a frame of ``size`` pixels."""
        frame = self.frame.resized(size)
        matrix, pose = _drawn_at(self.face, frame, self.seed, placing)
        hole, landmarks = _hole_at(self.face, frame)
        return replace(self, frame=frame, place=hole, landmarks=landmarks, matrix=matrix, pose=pose)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a target.

    ``fill`` (1, 3, S, S) is the face that was drawn, in its frame; None where none was. ``attempts`` is how
    often the check changed the target. ``before`` is how similar the original is to itself at half the size,
    ``tries`` how similar each drawing was to it, ``verdict`` what the check said last ("" and None: not
    checked).
    """

    fill: Tensor | None = None
    losses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    attempts: int = 0
    before: float | None = None
    tries: tuple[float, ...] = ()
    verdict: str = ""

    @property
    def similarity(self) -> dict:
        """What the manifest says of the check; empty where there was none."""
        if self.before is None:
            return {}
        known: dict = {"before": self.before, "tries": list(self.tries)}
        return known | ({"after": self.tries[-1]} if self.tries else {}) | {"verdict": self.verdict}


def plan(
    found: Sequence[Face], options: "Options", frame_for: Callable[[Face], Frame] = lambda face: DCGAN_FRAME
) -> list[Target]:
    """A target for each face, far ones (small) first so that near ones are drawn over them.

    A face that is too small for a method that draws is blacked out, and a doubtful one where options say so.
    """
    seeds = face_seeds(options.seed, len(found))
    targets = [place(face, options, frame_for(face), seed) for face, seed in zip(found, seeds, strict=True)]
    for index, target in enumerate(targets):
        if options.draws and target.face.size < options.min_size:
            targets[index] = target.blacked_out(f"smaller than {options.min_size:g} px")
        elif options.doubtful == BLACKOUT and target.face.score < options.min_score:
            targets[index] = target.blacked_out(DOUBTFUL)
    return sorted(targets, key=lambda target: target.face.size)


def place(face: Face, options: "Options", frame: Frame, seed: int) -> Target:
    """The target of one face in ``frame``."""
    matrix, pose = _drawn_at(face, frame, seed, options.placing)
    hole, landmarks = _hole_at(face, frame)
    return Target(
        face, frame, hole, landmarks, matrix, pose, options.method, options.hole, seed, options.truncation
    )


def _hole_at(face: Face, frame: Frame) -> tuple[Tensor, Tensor]:
    """The matrix (2, 3) of a face's hole, and the landmarks (5, 2) in its frame."""
    matrix = frame.matrix(face)
    return matrix, alignment.apply(alignment.invert(matrix), face.points())


def _drawn_at(face: Face, frame: Frame, seed: int, placing: Placing) -> tuple[Tensor, Tensor]:
    """The matrix (2, 3) and the landmarks (5, 2) in the frame that a face is drawn with."""
    points, matrix = placing.of(face.points(), seed), frame.matrix(face)
    if placing.jitter:
        matrix = alignment.similarity(frame.points(), points)
    return matrix, alignment.apply(alignment.invert(matrix), points)
