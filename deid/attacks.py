"""Two attackers who want to know who an anonymized face is: one as he comes, one who anonymizes his own photos first.

Both compare embeddings, row by row the same people: probes (P, D) against galleries (P, D). A third one, who learns to
restore the faces, is in ``deid.reverser``. Chance is 1 / P for rank-1.
"""

from collections.abc import Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import privacy

FALSE_ACCEPT_RATES = (0.01, 0.001)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # how much the anonymized gallery says, beside the original one
RIDGES = (0.0, 0.03, 0.3)  # how strongly the map back to originals is held at changing nothing; 0: no map


def fixed(probes: Tensor, gallery: Tensor) -> dict:
    """A recogniser that never met the method, and a gallery of originals -> ``report``."""
    similarity = probes @ gallery.T
    own = privacy.bootstrap(similarity.diagonal()).record()
    return report([(similarity, torch.arange(len(probes)))]) | {"similarity to the own original": own}


def adaptive(probes: Tensor, gallery: Tensor, parrot: Tensor, seed: int = 0) -> dict:
    """The parrot attack (Newton et al., 2005; McPherson et al., 2016): galleries of anonymized photos, and learning.

    ``parrot`` (P, D) are other photos of the people, anonymized by the attacker with the same method. He may take off
    what all anonymized faces share, map embeddings back to originals (ridge regression), and weigh both galleries.
    What of it to do he learns on one half of the people and is judged on the other, both ways round.
    """
    halves = torch.randperm(len(probes), generator=torch.Generator().manual_seed(seed)).chunk(2)
    parts, chosen = [], []
    for own, judged in (halves, halves[::-1]):
        best = max(product((False, True), RIDGES, SHARES), key=lambda way: _worth(way, probes, gallery, parrot, own))
        parts.append((_similarity(best, probes, gallery, parrot, own)[judged], judged))
        chosen.append({"centred": best[0], "ridge": best[1], "anonymized gallery": best[2]})
    return report(parts) | {"learned": chosen}


def report(parts: Sequence[tuple[Tensor, Tensor]]) -> dict:
    """What an attacker gets from ``parts`` of the probes: similarities (K, P) to the gallery, and who they are (K,).

    Thresholds and areas are each part's own: two ways of comparing have two scales. Shares as [value, low, high] with
    95 % intervals over people. Ties count for the attacker.
    """
    ranks, accepted, areas = [], {rate: [] for rate in FALSE_ACCEPT_RATES}, []
    for similarity, who in parts:
        own, others = privacy.own_and_others(similarity, who)
        ranks.append(privacy.ranks(similarity, who))
        for rate, found in accepted.items():
            found.append(privacy.accepted(own, others, rate))
        areas.append(privacy.area_under_curve(own, others) * len(who))
    rank, people = torch.cat(ranks), sum(len(who) for _, who in parts)
    found = {f"rank-{k}": privacy.bootstrap((rank <= k).double()).record() for k in (1, 5)}
    for rate, of_parts in accepted.items():
        found[f"true accepts at {rate:.1%}"] = privacy.bootstrap(torch.cat(of_parts).double()).record()
    return found | {"area under curve": round(sum(areas) / people, 4), "people": people}


def _worth(way: tuple, probes: Tensor, gallery: Tensor, parrot: Tensor, own: Tensor) -> tuple[float, float]:
    """How well a way works on the attacker's own people: rank-1, and where that is equal, the area under the curve.

    He learns on one half of them and looks at the other: what fits the people it was learned from proves nothing.
    """
    learned, held = own.chunk(2)
    similarity = _similarity(way, probes, gallery, parrot, learned)[held]
    first = privacy.ranks(similarity, held) == 1
    return first.double().mean().item(), privacy.area_under_curve(*privacy.own_and_others(similarity, held))


def _similarity(way: tuple, probes: Tensor, gallery: Tensor, parrot: Tensor, own: Tensor) -> Tensor:
    """Similarities (P, P) of all probes, by a way that was learned from the people ``own`` alone."""
    centred, ridge, share = way
    shift = (parrot[own].mean(0) - gallery[own].mean(0)) if centred else torch.zeros(gallery.shape[1])
    probes, parrot = (F.normalize(vectors - shift, dim=1) for vectors in (probes, parrot))
    back = _map(parrot[own], gallery[own], ridge) if ridge else torch.eye(gallery.shape[1])
    mapped = F.normalize(probes @ back, dim=1)
    return (1 - share) * mapped @ gallery.T + share * probes @ parrot.T


def _map(anonymized: Tensor, originals: Tensor, ridge: float) -> Tensor:
    """The linear map (D, D) from anonymized to original vectors with the least squares, held at the identity."""
    size, count = anonymized.shape[1], len(anonymized)
    gram = anonymized.T @ anonymized / count + ridge * torch.eye(size)
    return torch.eye(size) + torch.linalg.solve(gram, anonymized.T @ (originals - anonymized) / count)
