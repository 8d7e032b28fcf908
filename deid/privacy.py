"""Who is still recognised: verification, identification and their uncertainty, from embeddings alone.

Embeddings are unit vectors (N, D); similarity is their product, 1 for the same image.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

WITHIN = 0.005  # of its published accuracy, or a recogniser does not judge


class GateError(RuntimeError):
    """A number that cannot be true: the run stops instead of printing it."""


@dataclass(frozen=True)
class Interval:
    """A value and the bounds of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def record(self) -> list[float]:
        """[value, low, high], rounded."""
        return [round(part, 4) for part in (self.value, self.low, self.high)]


def read_pairs(path: str | Path) -> tuple[list[tuple[str, str]], Tensor]:
    """LFW's official pairs -> names ("NAME/NAME_0001", ...) and whether they are one person (N,), fold by fold."""
    first, *lines = Path(path).read_text().splitlines()
    pairs, same = [], []
    for line in filter(None, lines):
        fields = line.split()
        if len(fields) not in (3, 4):
            raise ValueError(f"{path}: {line!r} is no pair of LFW")
        name, other = (fields[0], fields[0]) if len(fields) == 3 else (fields[0], fields[2])
        pairs.append((_photo(name, fields[1]), _photo(other, fields[-1])))
        same.append(len(fields) == 3)
    folds = int(first.split()[0])
    if len(pairs) % folds:
        raise ValueError(f"{path}: {len(pairs)} pairs are not {folds} folds")
    return pairs, torch.tensor(same)


def _photo(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04}"


def verification(similarity: Tensor, same: Tensor, folds: int = 10) -> float:
    """Accuracy on LFW's pairs, each fold with the threshold that is best on the others (Huang et al., 2007).

    ``similarity`` and ``same`` (N,) in the order of the file.
    """
    correct = 0
    parts = torch.arange(len(same)).chunk(folds)
    for fold in parts:
        training = torch.ones(len(same), dtype=torch.bool)
        training[fold] = False
        threshold = _best_threshold(similarity[training], same[training])
        correct += ((similarity[fold] >= threshold) == same[fold]).sum().item()
    return correct / len(same)


def _best_threshold(similarity: Tensor, same: Tensor) -> Tensor:
    order = similarity.argsort(descending=True)
    hits = same[order].long()
    # With the first k taken for one person: the true ones among them and the false ones after them are right.
    right = hits.cumsum(0) + (len(hits) - hits.sum()) - (1 - hits).cumsum(0)
    best = right.argmax()
    ahead = similarity[order]
    return (ahead[best] + ahead[min(best + 1, len(ahead) - 1)]) / 2


def own_and_others(similarity: Tensor, who: Tensor) -> tuple[Tensor, Tensor]:
    """Similarities (K, P) to a gallery -> those to oneself (K,), by row, and all others (K * (P - 1),).

    ``who`` (K,): which column is a row's own.
    """
    own = torch.zeros_like(similarity, dtype=torch.bool).scatter(1, who[:, None], True)
    return similarity[own], similarity[~own]


def ranks(similarity: Tensor, who: Tensor) -> Tensor:
    """The rank (K,) of each probe's own identity by its similarities (K, P) to a gallery of one image each; 1 is first.

    ``who`` (K,): which column is the probe's. Ties count for the attacker.
    """
    return 1 + (similarity > similarity.gather(1, who[:, None])).sum(1)


def accepted(own: Tensor, others: Tensor, false_accept_rate: float) -> Tensor:
    """Which of the ``own`` similarities (N,) exceed the threshold that so many of ``others`` pass."""
    return own > torch.quantile(others.double(), 1 - false_accept_rate)


def bootstrap(values: Tensor, samples: int = 2000, seed: int = 0) -> Interval:
    """The mean of ``values`` (N,) and its 95 % percentile interval over resampled people (Efron, 1979).

    Where all are 0, or all 1, resampling knows no doubt: there the bound is Clopper and Pearson's (1934).
    """
    random = torch.Generator().manual_seed(seed)
    drawn = values.double()[torch.randint(0, len(values), (samples, len(values)), generator=random)].mean(1)
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    mean, doubt = values.double().mean().item(), 1 - 0.025 ** (1 / len(values))
    if (values == 0).all() or (values == 1).all():
        low, high = max(0.0, mean - doubt), min(1.0, mean + doubt)
    return Interval(mean, low, high)


def area_under_curve(own: Tensor, others: Tensor) -> float:
    """How often a similarity to oneself exceeds one to somebody else; 0.5 is chance (Mann-Whitney)."""
    ordered = others.sort().values
    below = torch.searchsorted(ordered, own, right=False).double()
    equal = torch.searchsorted(ordered, own, right=True).double() - below
    return ((below + equal / 2) / len(ordered)).mean().item()


def gate_recogniser(name: str, accuracy: float, published: float) -> None:
    """Raise ``GateError`` unless a recogniser is as good on LFW as published, within half a point."""
    if accuracy < published - WITHIN:
        raise GateError(f"{name}: {accuracy:.2%} on LFW's pairs, {published:.2%} is published: it is not set up right")


def gate_attackers(name: str, fixed: Interval, adaptive: Interval) -> None:
    """Raise ``GateError`` where an attacker who knows more gets less than one who does not, beyond both intervals."""
    if adaptive.high < fixed.low:
        raise GateError(
            f"{name}: the adaptive attacker gets {adaptive.value:.1%}, the fixed one {fixed.value:.1%}: it cannot be"
        )


def gate_results(rank_1: dict[str, Interval], people: int, auc: Sequence[float] = ()) -> None:
    """Raise ``GateError`` for results that cannot be: originals under 90 %, blackout above chance, an AUC under 0.5.

    Where nothing is left an area lies on either side of 0.5: it counts as under it beyond two standard errors.
    """
    if "original" in rank_1 and rank_1["original"].value < 0.9:
        raise GateError(f"original: rank-1 {rank_1['original'].value:.1%} is under 90 %: the protocol is broken")
    if "blackout" in rank_1 and rank_1["blackout"].low > 1 / people:
        raise GateError(f"blackout: rank-1 at least {rank_1['blackout'].low:.1%}, chance is {1 / people:.1%}: a leak")
    if any(value < 0.5 - 2 / math.sqrt(12 * people) for value in auc):
        raise GateError(f"an area under the curve of {min(auc):.3f}: similarities are turned around")
