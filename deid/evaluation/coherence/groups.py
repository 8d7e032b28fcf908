"""Who gets whom, by group: every reference of a library in turn is the photo, with its own person left out.

What people look like was written down by eye, by the name of the picture (``labels.json``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from deid.evaluation.coherence.ranks import Known
from deid.references import matching
from deid.references.library import Library
from deid.references.matching import Weights

LABELS = Path(__file__).with_name("labels.json")
DARK, FAIR, ONE_SIDE = 45.0, 68.0, 12.0  # L* of the skin; difference of L* between the cheeks
AGES = ("child", "adult", "elderly")

Labels = Mapping[str, frozenset[str]]


def read_labels(path: Path = LABELS) -> Labels:
    """The names of pictures by what they show."""
    return {key: frozenset(names) for key, names in json.loads(path.read_text(encoding="utf-8")).items()}


def groups_of(library: Library, labels: Labels) -> dict[str, Tensor]:
    """Which references (N,) belong to each group; of adults: neither child, teenager nor elderly."""
    names = [reference.name for reference in library.references]
    found = {key: torch.tensor([name in known for name in names]) for key, known in labels.items()}
    found["adult"] = ~(found["child"] | found["teenager"] | found["elderly"])
    measured = [reference.attributes for reference in library.references]
    light = torch.tensor([attributes["skin_l"] for attributes in measured])
    side = torch.tensor([attributes["light_side"] for attributes in measured]).abs()
    found |= {"dark skin": light < DARK, "fair skin": light > FAIR, "light from one side": side > ONE_SIDE}
    return found


def best_people(library: Library, index: int, distance: Tensor) -> list[int]:
    """The references of the ``matching.BEST`` people nearest by ``distance`` (2, N), without ``index``'s."""
    people: dict[str, int] = {}
    for place in distance.flatten().argsort(stable=True).tolist():
        reference = library.references[place % len(library)]
        people.setdefault(reference.identity, reference.index)
        if len(people) > matching.BEST:
            break
    people.pop(library.references[index].identity, None)
    return list(people.values())[: matching.BEST]


def distances(library: Library, known: Known) -> dict[str, Tensor]:
    """By what references are ordered, (2, N) each: the kind that fits, the guess, and all that counts."""
    guess = 1 - library.embeddings @ known.person
    parts = {
        "kind alone": Weights(0, 0, 0, 1, 0, 0, 0, 0),
        "pose, tone and light": Weights(tone=1, kind=0, traits=0, glasses=0, brows=0),
        "pose, tone, light and kind": Weights(traits=0, glasses=0, brows=0),
        "all, as it is used": Weights(),
    }
    found = {name: matching.distances(library, known.sketch, weights) for name, weights in parts.items()}
    return {
        "guess alone": guess.expand(2, -1),
        "pose, tone, light and guess": found["pose, tone and light"] + guess,
    } | found


def table(
    library: Library, chosen: Mapping[int, Sequence[int]], labels: Labels
) -> dict[str, dict[str, float]]:
    """By group of photos: how many there are, and what is right about the people ``chosen`` for them.

    Shares of all (photo, reference) pairs: the same age (a teenager may be child or adult); the same sex, but
    for children; a beard where there is none; a beard where there is one; glasses where there are none. And
    the mean difference of the skin's L*.
    """
    groups = groups_of(library, labels)
    light = torch.tensor([reference.attributes["skin_l"] for reference in library.references])
    photos = torch.tensor([photo for photo, best in chosen.items() for _ in best])
    given = torch.tensor([index for best in chosen.values() for index in best])
    same = sum((groups[age][photos] & groups[age][given]) for age in AGES) > 0
    young = groups["teenager"]
    same |= young[photos] & ~groups["elderly"][given] | young[given] & ~groups["elderly"][photos]
    beard, spectacles = groups["beard"], groups["glasses"] | groups["sunglasses"]
    same_sex, told = groups["woman"][photos] == groups["woman"][given], ~groups["child"][photos]
    rows = {}
    for name in ("all", *groups):
        part = torch.ones(len(photos), dtype=torch.bool) if name == "all" else groups[name][photos]
        if part.any():
            rows[name] = {
                "photos": len(photos[part].unique()),
                "same age": _share(same[part]),
                "same sex": _share(same_sex[part & told]),
                "beard astray": _share(beard[given][part & ~beard[photos]]),
                "beard met": _share(beard[given][part & beard[photos]]),
                "glasses astray": _share(spectacles[given][part & ~spectacles[photos]]),
                "difference of L*": (light[photos] - light[given])[part].abs().mean().item(),
            }
    return rows


def _share(found: Tensor) -> float:
    return found.float().mean().item() if len(found) else float("nan")
