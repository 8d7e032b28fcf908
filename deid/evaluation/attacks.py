"""Two attackers who want to know who an anonymized face is: one compares, one anonymizes photos first.

Both compare embeddings: probes (K, D) with a gallery (P, D), whose first K rows are the same people and whose
others no one looks for. A third attacker learns to restore the faces (``evaluation.reconstruction``). Chance
is 1 / P for rank-1.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.evaluation import identification
from deid.evaluation.statistics import bootstrap

FALSE_ACCEPT_RATES = (0.01, 0.001, 0.0001)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # how much the anonymized gallery says, beside the original one
RIDGES = (0.0, 0.03, 0.3)  # how strongly the map back to originals is held at changing nothing; 0: no map


def fixed(probes: Tensor, gallery: Tensor) -> dict:
    """What a recogniser that never met the method gets, from a gallery of originals -> ``report``."""
    similarity = probes @ gallery.T
    own = bootstrap(similarity.diagonal()).record()  # of K rows and P columns: the first K
    return report([(similarity, torch.arange(len(probes)))]) | {"similarity to the own original": own}


def adaptive(probes: Tensor, gallery: Tensor, anonymized_gallery: Tensor, seed: int = 0) -> dict:
    """What an attacker with an anonymized gallery gets -> ``report``.

    After Newton et al. (2005) and McPherson et al. (2016, arXiv 1609.00408).

    ``anonymized_gallery`` (K, D) are other photos of the people, anonymized by the attacker with the same
    method. The attacker may subtract what all anonymized faces share, map embeddings back to originals (ridge
    regression), and weigh both galleries. Which of it to use is learned on one half of the people and judged
    on the other, both ways round. Raises ``ValueError`` for fewer than four people.
    """
    if len(probes) < 4:
        raise ValueError(f"an attacker who learns needs at least 4 people, not {len(probes)}")
    halves = torch.randperm(len(probes), generator=torch.Generator().manual_seed(seed)).chunk(2)
    galleries, parts, chosen = (gallery, anonymized_gallery), [], []
    for own, judged in (halves, halves[::-1]):
        ways = product((False, True), RIDGES, SHARES)
        best = max(ways, key=partial(_worth, probes=probes, galleries=galleries, own=own))
        parts.append((_similarity(best, probes, galleries, own)[judged], judged))
        chosen.append({"centred": best[0], "ridge": best[1], "anonymized gallery": best[2]})
    return report(parts) | {"learned": chosen}


def report(parts: Sequence[tuple[Tensor, Tensor]]) -> dict:
    """What an attacker gets from ``parts`` of the probes.

    A part is the similarities (K, P) of K probes to the gallery, and who they are (K,). Thresholds and areas
    are each part's own: two ways of comparing have two scales. Shares as [value, low, high] with 95 %
    intervals over people. Ties count for the attacker.
    """
    ranks, areas = [], []
    accepted: dict[float, list[Tensor]] = {rate: [] for rate in FALSE_ACCEPT_RATES}
    for similarity, who in parts:
        own, others = identification.own_and_others(similarity, who)
        ranks.append(identification.ranks(similarity, who))
        for rate, of_parts in accepted.items():
            of_parts.append(identification.accepted(own, others, rate))
        areas.append(identification.area_under_curve(own, others) * len(who))
    rank, people = torch.cat(ranks), sum(len(who) for _, who in parts)
    found: dict = {f"rank-{k}": bootstrap((rank <= k).double()).record() for k in (1, 5)}
    for rate, of_parts in accepted.items():
        found[accepts(rate)] = bootstrap(torch.cat(of_parts).double()).record()
    return found | {"area under curve": round(sum(areas) / people, 4), "people": people}


def accepts(rate: float) -> str:
    """The name of a share in ``report``: true accepts at a false accept rate."""
    return f"true accepts at {100 * rate:g}%"


def linked(some: Tensor, others: Tensor) -> dict:
    """How often two anonymized photos of one person (K, D) match each other -> ``report``.

    Row by row the same people. It is the question of who collects anonymized photos without any original.
    """
    return report([(some @ others.T, torch.arange(len(some)))])


def itself(before: Tensor, after: Tensor, gallery: Tensor, rate: float = 0.001) -> list[float]:
    """The share of new faces that match the untouched face of the same photo -> [value, low, high].

    ``before`` and ``after`` (K, D) are those photos, ``gallery`` (P, D) other untouched photos of people.
    A match is more similar than all but ``rate`` of untouched photos of different people.
    """
    _, others = identification.own_and_others(before @ gallery.T, torch.arange(len(before)))
    return bootstrap(identification.accepted((before * after).sum(1), others, rate).double()).record()


def as_shown(after: Tensor, library: Tensor, shown: Tensor) -> list[float]:
    """The share of new faces that are most like the person of a library they show -> [value, low, high].

    ``library`` (R, D) are the library's people, ``shown`` (K,) which of them each face (K, D) shows.
    """
    return bootstrap((identification.ranks(after @ library.T, shown) == 1).double()).record()


def ensemble(vectors: Mapping[str, Tensor], origin: Mapping[str, Tensor]) -> Tensor:
    """One unit vector (P, D) for those of several judges (P, D_j): all judges together, with equal weight.

    ``origin`` (D_j,) is each judge's mean untouched face. Without it a judge whose vectors all lie on one
    side would have no say.
    """
    parts = [F.normalize(vectors[judge] - origin[judge], dim=1) for judge in vectors]
    return F.normalize(torch.cat(parts, 1), dim=1)


def _worth(way: tuple, probes: Tensor, galleries: tuple[Tensor, Tensor], own: Tensor) -> tuple[float, float]:
    """How well a way works on the attacker's own people: rank-1, then the area under the curve.

    It is learned on one half of them and looked at on the other: what fits the people it was learned from
    proves nothing.
    """
    learned, held = own.chunk(2)
    similarity = _similarity(way, probes, galleries, learned)[held]
    first = identification.ranks(similarity, held) == 1
    area = identification.area_under_curve(*identification.own_and_others(similarity, held))
    return first.double().mean().item(), area


def _similarity(way: tuple, probes: Tensor, galleries: tuple[Tensor, Tensor], own: Tensor) -> Tensor:
    """Similarities (K, P) of all probes, by a way that was learned from the people ``own`` alone."""
    centred, ridge, share = way
    originals, anonymized = galleries
    shift = (anonymized[own].mean(0) - originals[own].mean(0)) if centred else torch.zeros(originals.shape[1])
    probes, anonymized = (F.normalize(vectors - shift, dim=1) for vectors in (probes, anonymized))
    back = _map(anonymized[own], originals[own], ridge) if ridge else torch.eye(originals.shape[1])
    mapped = F.normalize(probes @ back, dim=1)
    alike = probes @ anonymized.T
    if more := len(originals) - len(anonymized):  # who is in one gallery alone is as alike there as any other
        alike = torch.cat([alike, alike.mean(1, keepdim=True).expand(-1, more)], 1)
    return (1 - share) * mapped @ originals.T + share * alike


def _map(anonymized: Tensor, originals: Tensor, ridge: float) -> Tensor:
    """The least-squares map (D, D) from anonymized to original vectors, held at the identity."""
    size, count = anonymized.shape[1], len(anonymized)
    gram = anonymized.T @ anonymized / count + ridge * torch.eye(size)
    return torch.eye(size) + torch.linalg.solve(gram, anonymized.T @ (originals - anonymized) / count)
