"""Who is shown for each face of a photo: people of the library first, then pairs of them.

No two faces of a photo are the same person while others are left. Where few people that fit are left, two
of those that fit make a third one: ten people serve a crowd.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from deid.references import hair, matching
from deid.references.library import Library
from deid.references.people import JOINED, Placement, name_of

FITTING = 1.2  # times the best distance: how badly one may fit before pairs of better ones are asked
JOINING = 1.1  # times the mean distance of two: however well they fit, one person of that distance is better
PARENTS, PICTURES = 12, 6  # of so many people, the best fitting, and so many pictures of each pairs are made
# How much two that are joined may differ by: degrees, units of L*, a* and b*, a share of the mouth.
APART = {
    "yaw": 8.0, "pitch": 16.0, "light_side": 14.0, "light_top": 16.0, "skin_l": 18.0, "skin_a": 6.0,
    "skin_b": 8.0, "teeth": 0.2,
}  # fmt: skip
TURNED = ("yaw", "light_side")  # change their sign in a mirror
GLASSES, BEARD = 0.2, 0.3  # would be cut in two
ALIKE = 0.75  # similarity of two who could only have a child that is like both


class Pair(NamedTuple):
    """Two that make a third: the upper part's and the lower part's reference, and how badly they fit."""

    upper: Placement
    lower: Placement
    distance: float


def cast(library: Library, distance: Tensor, seed: int, shown: Mapping[str, int] | None = None) -> str:
    """The seed's choice among the best fitting who were shown least -> a name (``references.people``).

    ``distance`` (2, N) as of ``matching.distances``; ``shown``: how often each identity was shown so far.
    """
    counts = Counter(shown or {})
    identities = [reference.identity for reference in library.references]
    limit = FITTING * distance.min()
    fitting = {identities[k] for k in (distance.amin(0) <= limit).nonzero()[:, 0].tolist()}
    joined: list[Pair] = []
    if sum(not counts[name] for name in fitting) < matching.BEST:
        joined = list(pairs(library, distance))
        names = [JOINED.join(identities[k] for k in (pair.upper.row, pair.lower.row)) for pair in joined]
        extra = torch.full((2, len(joined)), float("inf"))
        extra[0] = JOINING * torch.tensor([pair.distance for pair in joined])
        identities, distance = identities + names, torch.cat([distance, extra], 1)
    least = min(counts[name] for name in identities)
    often = {name for name in identities if counts[name] > least}
    index, mirrored = matching.choose(distance, identities, seed, often)
    chosen = joined[index - len(library)][:2] if index >= len(library) else [Placement(index, mirrored)]
    return JOINED.join(name_of(library.references[place.row], place.mirrored) for place in chosen)


def again(library: Library, distance: Tensor, identity: str) -> str:
    """The best fitting picture of an ``identity`` that was shown elsewhere -> a name; "" where there is none.

    ``distance`` (2, N) as of ``matching.distances``. Of a pair both have to fit each other in this pose, too.
    """
    identities = [reference.identity for reference in library.references]
    parents = [identity] if identity in identities else identity.split(JOINED)
    own = torch.tensor([name in parents for name in identities])
    if not own.any():
        return ""
    distance = torch.where(own, distance, float("inf"))
    if len(parents) == 1:
        index, mirrored = matching.best_of_each(distance, identities)[identity]
        return name_of(library.references[index], mirrored)
    for pair in pairs(library, distance):
        chosen = [library.references[place.row] for place in pair[:2]]
        if [reference.identity for reference in chosen] == parents:
            rows = zip(chosen, pair[:2], strict=True)
            return JOINED.join(name_of(reference, place.mirrored) for reference, place in rows)
    return ""


def pairs(library: Library, distance: Tensor) -> Iterator[Pair]:
    """Those of the best fitting people who can be joined, each two both ways, by their best pictures."""
    places = _candidates(library, distance)
    if not places:
        return
    indexes = [place.row for place in places]
    costs = torch.tensor([distance[int(place.mirrored), place.row] for place in places])
    beards = hair.beards(library)[indexes]  # of the upper one no beard is shown
    costs = (costs[:, None] - matching.Weights().beard * beards[:, None] + costs[None]) / 2
    costs[~_joinable(library, places) | (beards > BEARD)[None]] = float("inf")
    best: dict[tuple[str, str], Pair] = {}
    ordered = costs.flatten().sort(stable=True)
    people = [library.references[index].identity for index in indexes]
    for cell, cost in zip(ordered.indices.tolist(), ordered.values.tolist(), strict=True):
        row, column = divmod(cell, len(places))
        if math.isinf(cost):
            break
        if (names := (people[row], people[column])) not in best:
            best[names] = Pair(places[row], places[column], cost)
    yield from best.values()


def _candidates(library: Library, distance: Tensor) -> list[Placement]:
    """The best pictures of the best fitting people, without glasses."""
    found: dict[str, list[Placement]] = {}
    for cell in distance.flatten().argsort(stable=True).tolist():
        mirrored, index = divmod(cell, distance.shape[1])
        reference = library.references[index]
        late = len(found) == PARENTS and reference.identity not in found
        if late or reference.attributes["glasses"] > GLASSES:
            continue
        own = found.setdefault(reference.identity, [])
        if len(own) < PICTURES:
            own.append(Placement(index, bool(mirrored)))
    return [place for places in found.values() for place in places]


def _joinable(library: Library, places: list[Placement]) -> Tensor:
    """Which of K can be joined (K, K): different people, as sharp, in the same pose, tone and light."""
    references = [library.references[place.row] for place in places]
    facts = [
        [
            reference.attributes[name] * (-1 if place.mirrored and name in TURNED else 1) / apart
            for name, apart in APART.items()
        ]
        for reference, place in zip(references, places, strict=True)
    ]
    table, sizes = torch.tensor(facts), torch.tensor([reference.size for reference in references])
    people = [reference.identity for reference in references]
    numbers = torch.tensor([people.index(name) for name in people])
    vectors = library.embeddings[[place.row for place in places]]
    return (
        ((table[:, None] - table[None]).abs().amax(2) <= 1)
        & (sizes[:, None] == sizes[None])
        & (numbers[:, None] != numbers[None])
        & (vectors @ vectors.T < ALIKE)
    )
