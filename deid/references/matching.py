"""Which reference fits a hidden face: by pose, tone, light, and the kind of person that fits around it.

Nothing here sees a hidden pixel. What is known of the face is a guess that was drawn from the visible pixels.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references.fitting import mirror_landmarks
from deid.references.library import Library

SIDE = 64  # of the thumbnails that are compared
FIELDS = 8  # side of the fields that light is compared in
# What a unit of each distance weighs. Landmarks in eye distances, colours in [-1, 1], 1 - cosine of
# embeddings.
POSE, TONE, LIGHT, PERSON = 8.0, 1.0, 0.5, 1.0
BEST = 5  # the seed chooses among so many at most,
NEARLY = 1.1  # who are at most so many times as far as the best one: a library of ten has no five who fit


@dataclass(frozen=True)
class Sketch:
    """What is known of a hidden face: ``landmarks`` (5, 2) as fractions of the side, what it may look like
    (1, 3, 64, 64), and a unit vector (D,) of the kind of person.
    """

    landmarks: Tensor
    picture: Tensor
    person: Tensor


def distances(library: Library, sketch: Sketch) -> Tensor:
    """How badly each reference fits, (2, N): as it is, and mirrored."""
    return torch.stack(list(parts(library, sketch).values())).sum(0)


def parts(library: Library, sketch: Sketch) -> dict[str, Tensor]:
    """What ``distances`` adds up, (2, N) each: pose, tone, light, and the kind of person, weighted."""
    inside = masks.frame_mask("face-80", sketch.landmarks.double() * SIDE - 0.5, SIDE) < 0.5
    person = 1 - library.embeddings @ sketch.person
    wanted, rows = sketch.picture[0][:, inside[0, 0]].median(1).values, []
    for mirrored in (False, True):
        pictures = thumbnails(library)
        places = library.landmarks
        if mirrored:
            pictures, places = pictures.flip(3), mirror_landmarks(places)
        pose = (places - sketch.landmarks).norm(dim=2).mean(1) / 0.28
        tone = (_tones(library, mirrored) - wanted).abs().mean(1)
        light = _light(pictures, sketch.picture, inside)
        rows.append(torch.stack([POSE * pose, TONE * tone, LIGHT * light, PERSON * person]))
    return dict(zip(("pose", "tone", "light", "person"), torch.stack(rows, 1), strict=True))


def choose(
    distance: Tensor, identities: list[str], seed: int, avoid: Collection[str] = (), best: int = BEST
) -> tuple[int, bool]:
    """The seed's choice among the ``best`` people of distances (2, N) -> which reference, and if mirrored.

    Only those who fit nearly as well as the best one are among them, and always two. ``avoid`` are identities
    that are not to be shown again, while others are left.
    """
    people = best_of_each(distance, identities)
    ranked = [person for person in people if person not in avoid] or list(people)
    costs = [distance[int(mirrored), index].item() for index, mirrored in (people[name] for name in ranked)]
    near = sum(cost <= NEARLY * costs[0] for cost in costs)
    random = torch.Generator().manual_seed(seed)
    chosen = int(torch.randint(0, min(best, max(2, near), len(ranked)), (1,), generator=random))
    return people[ranked[chosen]]


def best_of_each(distance: Tensor, identities: list[str]) -> dict[str, tuple[int, bool]]:
    """People in the order in which they fit: which reference of each fits best, and if mirrored."""
    people: dict[str, tuple[int, bool]] = {}
    for place in distance.flatten().argsort(stable=True).tolist():
        mirrored, index = divmod(place, distance.shape[1])
        people.setdefault(identities[index], (index, bool(mirrored)))
    return people


@lru_cache(maxsize=1)
def thumbnails(library: Library) -> Tensor:
    """The library's crops at 64 px, (N, 3, 64, 64) in [-1, 1]; not to be written into."""
    return library.thumbnails.float().div(127.5).sub(1)


@lru_cache(maxsize=2)
def _tones(library: Library, mirrored: bool) -> Tensor:
    """The skin tone of each reference (N, 3); the same for every face."""
    own = masks.frame_mask("face-80", DCGAN_FRAME.resized(SIDE).points(), SIDE)[0, 0] < 0.5
    pictures = thumbnails(library)
    return (pictures.flip(3) if mirrored else pictures)[:, :, own].median(2).values


def _light(pictures: Tensor, wanted: Tensor, inside: Tensor) -> Tensor:
    """Mean differences (N,) of light and shade, once the tone is the same."""
    apart = (pictures - wanted) * inside
    apart = (apart - apart.sum((2, 3), keepdim=True) / inside.sum()) * inside
    covered = F.avg_pool2d(inside.float(), FIELDS)
    return F.avg_pool2d(apart, FIELDS).abs().sum((1, 2, 3)) / (3 * covered.sum())
