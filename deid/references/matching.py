"""Which reference fits a hidden face: by pose, tone, light, and the kind of person that fits around it.

Nothing here sees a hidden pixel. What is known of the face was guessed from the visible pixels.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.recognition import coherence, traits
from deid.references import hair
from deid.references.fitting import mirror_landmarks
from deid.references.library import Library

SIDE = 64  # of the thumbnails that are compared
FIELDS = 8  # side of the fields that light is compared in
BEST = 5  # the seed chooses among so many at most,
NEARLY = 1.1  # who are at most so many times as far as the best one: a library of ten has no five who fit
FAR = 0.25  # eye distances: a pose that is missed by so much costs twice as much as in proportion
SURE = (0.15, 0.3)  # below the first ``attributes.measure`` sees no glasses, over the second it does


@dataclass(frozen=True)
class Sketch:
    """What is known of a hidden face: ``landmarks`` (5, 2) as fractions of the side, what it may look like
    (1, 3, 64, 64), a unit vector (64,) of the kind of person that fits into the surroundings, and how many
    pixels of the photo the frame is wide; 0: not known.
    """

    landmarks: Tensor
    picture: Tensor
    kind: Tensor
    span: float = 0.0


@dataclass(frozen=True)
class Weights:
    """What a unit of each distance weighs.

    ``pose`` in eye distances, ``tone`` and ``light`` of colours in [-1, 1], ``kind`` is 1 - cosine,
    ``traits`` a logarithm of how well sex and age agree; ``glasses``, ``beard`` and ``brows`` (heavy ones
    under fair hair) go from 0 (none) to 1; ``detail`` for each time that a reference has half of the photo's
    pixels. All but the last were chosen on ``evaluation.coherence``'s table by group; ``beard`` and
    ``brows`` by eye, for brows are faded (``references.brows``), and what is left of heavy ones looks odd.
    """

    pose: float = 8.0
    tone: float = 2.0
    light: float = 0.5
    kind: float = 2.0
    traits: float = 2.0
    glasses: float = 0.3
    beard: float = 2.4
    brows: float = 0.6
    detail: float = 0.3


@dataclass(frozen=True)
class _Known:
    """What of a library does not depend on the face: pictures as ``fields`` (64, 64, 3N), skin ``tones``
    (N, 3), ``kinds`` (N, 64), ``traits`` (N, 3), ``glasses``, ``beards``, ``brows`` and ``sizes`` (N,).
    """

    fields: Tensor
    tones: Tensor
    kinds: Tensor
    traits: Tensor
    glasses: Tensor
    beards: Tensor
    brows: Tensor
    sizes: Tensor


@lru_cache(maxsize=2)
def _known(library: Library) -> _Known:
    pictures = hair.thumbnails(library)
    own = masks.frame_mask("face-80", DCGAN_FRAME.resized(SIDE).points(), SIDE)[0, 0] < 0.5
    tones = pictures[:, :, own].median(2).values
    shown, likely = kinds(library), traits.of_faces(library.embeddings)
    shown, likely = F.normalize(_of_people(library, shown), dim=1), _of_people(library, likely)
    worn = glasses(library), hair.beards(library), hair.brows(library)
    sizes = torch.tensor([float(reference.size) for reference in library.references])
    return _Known(_fields(pictures), tones, shown, likely, *worn, sizes)


def distances(library: Library, sketch: Sketch, weights: Weights = Weights()) -> Tensor:
    """How badly each reference fits, (2, N): as it is, and mirrored."""
    return torch.stack(list(parts(library, sketch, weights).values())).sum(0)


def parts(library: Library, sketch: Sketch, weights: Weights = Weights()) -> dict[str, Tensor]:
    """What ``distances`` adds up, weighted, (2, N) each: pose, tone, light, kind of person, and so on."""
    known = _known(library)
    inside = masks.frame_mask("face-80", sketch.landmarks.double() * SIDE - 0.5, SIDE) < 0.5
    tone = (known.tones - sketch.picture[0][:, inside[0, 0]].median(1).values).abs().mean(1)
    unlike = -traits.agreement(known.traits, traits.of_surroundings(sketch.kind[None]))
    fair = hair.fairness(sketch.picture, sketch.landmarks)
    halved = (sketch.span / known.sizes).clamp(min=1).log2()
    pose, light = [], []
    for mirrored in (False, True):
        places = mirror_landmarks(library.landmarks) if mirrored else library.landmarks
        # A mirrored reference differs from a picture as the reference does from the mirrored picture.
        views = (sketch.picture.flip(3), inside.flip(3)) if mirrored else (sketch.picture, inside)
        missed = (places - sketch.landmarks).norm(dim=2).mean(1) / 0.28
        pose.append(missed * (1 + missed / FAR))
        light.append(_light(known.fields, *views))
    return {
        "pose": weights.pose * torch.stack(pose),
        "tone": (weights.tone * tone).expand(2, -1),
        "light": weights.light * torch.stack(light),
        "kind": (weights.kind * (1 - known.kinds @ sketch.kind)).expand(2, -1),
        "traits": (weights.traits * unlike).expand(2, -1),
        "glasses": (weights.glasses * known.glasses).expand(2, -1),
        "beard": (weights.beard * known.beards).expand(2, -1),
        "brows": (weights.brows * known.brows * fair).expand(2, -1),
        "detail": (weights.detail * halved).expand(2, -1),
    }


def _of_people(library: Library, values: Tensor) -> Tensor:
    """Values (N, K) of references as means of their people: a profile says little of whom it shows."""
    names = [reference.identity for reference in library.references]
    rows = torch.tensor([names.index(name) for name in names])
    sums = torch.zeros_like(values).index_add_(0, rows, values)
    return (sums / rows.bincount(minlength=len(rows)).clamp(min=1)[:, None])[rows]


def kinds(library: Library) -> Tensor:
    """The kind of person that each reference shows: unit vectors (N, 64)."""
    with torch.inference_mode():
        return coherence.load_coherence().faces(library.embeddings)


def glasses(library: Library) -> Tensor:
    """Whether each reference wears glasses, (N,) from 0 to 1: half a pair would be left beside others."""
    found = torch.tensor([reference.attributes["glasses"] for reference in library.references])
    return ((found - SURE[0]) / (SURE[1] - SURE[0])).clamp(0, 1)


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


def _fields(pictures: Tensor) -> Tensor:
    """Pictures (N, C, 64, 64) as 64 fields of 64 pixels each: (64, 64, C N)."""
    across = SIDE // FIELDS
    parts = pictures.reshape(-1, across, FIELDS, across, FIELDS)
    return parts.permute(1, 3, 2, 4, 0).reshape(across**2, FIELDS**2, -1).contiguous()


def _light(fields: Tensor, wanted: Tensor, inside: Tensor) -> Tensor:
    """Mean differences (N,) of light and shade, in fields, once the tone ``inside`` is the same."""
    hidden = _fields(inside.float())[..., 0]
    covered = hidden.any(1)
    means = [(hidden[:, None] @ part)[covered, 0] for part in (fields, _fields(wanted))]
    apart = means[0].reshape(len(means[0]), -1, 3) - means[1][:, None]
    share = hidden[covered].sum(1)[:, None, None]
    apart = apart - apart.sum(0) / share.sum() * share
    return apart.abs().sum((0, 2)) / (3 * share.sum())
