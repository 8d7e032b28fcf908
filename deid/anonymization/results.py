"""What a photo becomes, and how far it has come."""

from dataclasses import dataclass, field

from torch import Tensor

from deid.anonymization.targets import Outcome, Target
from deid.anonymization.wishes import Wish
from deid.photo.faces import Face
from deid.photo.images import Photo


@dataclass(frozen=True, eq=False)
class Result:
    """The anonymized photo, its faces, which pixels were hidden (1, 1, H, W), and its status.

    ``targets`` and ``outcomes`` belong together by position. ``doubtful`` faces are still visible, for the
    caller to look at: they scored less than ``min_score`` and were left so, or lie in no box given by hand.
    ``left`` faces are visible because that was asked for; ``regions`` are hidden without a face.
    ``smallest_searched`` is the smallest face, in pixels, looked for.
    """

    photo: Photo
    targets: list[Target]
    outcomes: list[Outcome]
    hidden: Tensor
    status: str
    smallest_searched: float = 0.0
    doubtful: list[Face] = field(default_factory=list)
    left: list[Face] = field(default_factory=list)
    regions: list[Wish] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """Progress on one photo.

    ``stage`` is "hidden", "search" or "done"; ``done`` faces of ``total`` (one in the middle of its search
    counts in part); where the caller asked for previews the photo so far (1, 3, H, W). "hidden" comes once
    more where the check changed faces: earlier previews show what was recognised. The last one carries
    ``result``.
    """

    stage: str
    done: float
    total: int
    preview: Tensor | None = None
    result: Result | None = None
