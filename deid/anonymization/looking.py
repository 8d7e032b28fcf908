"""Which faces of a photo there are to hide, and which of them are doubtful."""

from deid.anonymization.options import KEEP, Options
from deid.devices import resolve_device
from deid.photo import finding
from deid.photo.faces import Face
from deid.photo.images import Photo

LARGE_PHOTO = 4_000_000  # pixels


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


def find_faces(photo: Photo, options: Options) -> list[Face]:
    """The faces that will be replaced or blacked out."""
    certain, doubtful = look(photo, options)
    return certain if options.doubtful == KEEP else [*certain, *doubtful]


def smallest_searched(photo: Photo, options: Options) -> float:
    """The smallest face, in pixels, that is looked for: a camera's photo would need minutes at 12 px."""
    smallest = min(options.smallest, options.min_size)
    return smallest if photo.pixels[0, 0].numel() <= LARGE_PHOTO else max(smallest, 24)
