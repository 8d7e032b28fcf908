"""Which faces of a photo there are, and what becomes of each: the detector's word, or a person's."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from deid.anonymization.choices import BLACKOUT, KEEP, REPLACE
from deid.anonymization.options import Options
from deid.anonymization.wishes import Wish, Wishes
from deid.devices import resolve_device
from deid.photo import detection, finding
from deid.photo.faces import Face, match
from deid.photo.images import Photo

LARGE_PHOTO = 4_000_000  # pixels


@dataclass(frozen=True)
class Sight:
    """The faces of a photo by what becomes of them.

    ``hidden``: what the options say. ``black``: covered, because a person decided so. ``left``: they stay as
    they are, because a person or an option says so. ``doubtful``: they stay visible, and are to be looked at.
    ``regions`` are hidden without a face.
    """

    hidden: list[Face]
    black: list[Face] = field(default_factory=list)
    left: list[Face] = field(default_factory=list)
    doubtful: list[Face] = field(default_factory=list)
    regions: list[Wish] = field(default_factory=list)


def look(photo: Photo, options: Options) -> tuple[list[Face], list[Face]]:
    """The faces of a photo, and those that are doubtful: they score less than ``min_score``."""
    device = resolve_device(options.device)
    found = finding.find(
        photo.pixels,
        options.detector,
        smallest=smallest_searched(photo, options),
        device=device if device != "mps" else "cpu",
    )
    certain = [face for face in found if face.score >= options.min_score]
    return certain, [face for face in found if face.score < options.min_score]


def decide(photo: Photo, options: Options, wishes: Wishes | None = None) -> Sight:
    """What becomes of the faces of a photo; where ``wishes`` name faces, those alone are hidden."""
    certain, doubtful = look(photo, options)
    regions = wishes.regions if wishes else []
    if wishes and wishes.faces is not None:
        return replace(_by_hand(wishes.faces, [*certain, *doubtful]), regions=regions)
    found = [*certain, *doubtful] if options.doubtful != KEEP else certain
    left = [face for face in found if face.size <= options.only_larger_than]
    if options.keep_largest:
        left += sorted(found, key=lambda face: face.size)[-1:]
    hidden = [face for face in found if not any(face is other for other in left)]
    return Sight(hidden, [], left, doubtful if options.doubtful == KEEP else [], regions)


def find_faces(photo: Photo, options: Options) -> list[Face]:
    """The faces that will be replaced or blacked out."""
    return decide(photo, options).hidden


def smallest_searched(photo: Photo, options: Options) -> float:
    """The smallest face, in pixels, that is looked for: a camera's photo would need minutes at 12 px."""
    smallest = min(options.smallest, options.min_size)
    return smallest if photo.pixels[0, 0].numel() <= LARGE_PHOTO else max(smallest, 24)


def _by_hand(wanted: Sequence[Wish], found: Sequence[Face]) -> Sight:
    """What a person decided about faces; what was ``found`` in none of their boxes is doubtful."""
    given = detection.from_boxes([wish.box for wish in wanted], found)
    faces = [replace(face, score=1.0, by=("hand",)) for face in given]
    parts: dict[str, list[Face]] = {}
    for wish, face in zip(wanted, faces, strict=True):
        parts.setdefault(wish.do, []).append(face)
    others = [face for face in found if not match(face, faces)]
    hidden, black = parts.pop(REPLACE, []), parts.pop(BLACKOUT, [])
    return Sight(hidden, black, [face for rest in parts.values() for face in rest], others)
