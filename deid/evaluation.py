"""The fixed attacker: a gallery of originals, anonymized photos as probes, and a recogniser that never saw either.

The attacker knows where each face was, for the manifest says so: probes are embedded at the original's landmarks,
whether or not a detector would still find a face there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from deid import anonymizer, comparison, faces, images, privacy, sources
from deid.anonymizer import Options
from deid.faces import Face
from deid.images import Photo
from deid.recognisers import Recogniser

FALSE_ACCEPT_RATES = (0.01, 0.001)


@dataclass(frozen=True)
class Person:
    """Somebody with two photos: one for the gallery, one to be anonymized."""

    name: str
    gallery: Path
    probe: Path


def people(root: str | Path, count: int, seed: int = 0) -> list[Person]:
    """``count`` people of LFW with at least two photos, drawn by ``seed``, sorted by name; their first two photos.

    Raises ``ValueError`` where there are not so many.
    """
    photos: dict[str, list[Path]] = {}
    for path in sources.lfw(root, min_photos=2):
        photos.setdefault(path.parent.name, []).append(path)
    names = sorted(photos)
    if len(names) < count:
        raise ValueError(f"{root}: {len(names)} people with two photos, {count} were asked for")
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))[:count]
    return [Person(name, *sorted(photos[name])[:2]) for name in sorted(names[k] for k in order)]


def locate(photo: Photo) -> list[Face]:
    """The faces of a photo, the one nearest to its middle first; where none is found one is put there."""
    width, height = photo.size
    (found,) = faces.detect(photo.pixels, 0.9, 40)
    if not found:
        side = min(width, height) * 0.45
        found = faces.from_boxes([((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)])
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    return sorted(found, key=lambda face: (face.points().mean(0) - middle).norm().item())


def embed(
    paths: Sequence[Path], recogniser: Recogniser, change: Callable[[Photo, list[Face]], Photo] | None = None
) -> tuple[Tensor, Tensor]:
    """Unit vectors (N, D) of the middle face of each photo, and whether a face is still found there (N,).

    ``change`` is given a photo and its faces, and returns the photo to look at instead.
    """
    vectors, kept = [], []
    for path in paths:
        photo = images.load(path)
        found = locate(photo)
        shown = change(photo, found) if change else photo
        vectors.append(recogniser.embed(shown.pixels, found[:1]))
        kept += comparison.still_found(shown, found[:1])
    return torch.cat(vectors), torch.tensor(kept)


def anonymized(options: Options) -> Callable[[Photo, list[Face]], Photo]:
    """A ``change`` that anonymizes all faces of a photo, each photo with a seed of its own."""
    count = iter(range(1 << 30))

    def change(photo: Photo, found: list[Face]) -> Photo:
        return anonymizer.anonymize(photo, options, found, seed=options.seed + next(count)).photo

    return change


def fixed_attack(probes: Tensor, gallery: Tensor, kept: Tensor) -> dict:
    """What the attacker gets: embeddings (P, D) of probes and gallery, row by row the same person -> numbers.

    Intervals are [value, low, high] over resampled people. Chance is 1 / P for rank-1.
    """
    similarity = probes @ gallery.T
    own, others = similarity.diagonal().contiguous(), similarity[~torch.eye(len(probes), dtype=torch.bool)]
    rank = privacy.ranks(probes, gallery, torch.arange(len(probes)))
    found = {f"rank-{k}": privacy.bootstrap((rank <= k).double()).record() for k in (1, 5)}
    for rate in FALSE_ACCEPT_RATES:
        accepted = privacy.accepted(own, others, rate).double()
        found[f"true accepts at {rate:.1%}"] = privacy.bootstrap(accepted).record()
    found["similarity to the own original"] = privacy.bootstrap(own).record()
    found["area under curve"] = round(privacy.area_under_curve(own, others), 4)
    return found | {"still detected": privacy.bootstrap(kept.double()).record(), "people": len(probes)}
