"""Who is still recognised: verification and identification, from embeddings alone.

Embeddings are unit vectors (N, D); similarity is their product, 1 for the same image.
"""

from pathlib import Path

import torch
from torch import Tensor


def read_pairs(path: str | Path) -> tuple[list[tuple[str, str]], Tensor]:
    """LFW's official pairs, fold by fold -> names ("NAME/NAME_0001", ...), and which are one person (N,).

    Raises ``ValueError`` for a file of another kind.
    """
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


def verification_accuracy(similarity: Tensor, same: Tensor, folds: int = 10) -> float:
    """Accuracy on LFW's pairs, each fold with the threshold that is best on the others (Huang et al., 2007).

    ``similarity`` and ``same`` (N,) in the order of the file.
    """
    correct = 0.0
    parts = torch.arange(len(same)).chunk(folds)
    for fold in parts:
        training = torch.ones(len(same), dtype=torch.bool)
        training[fold] = False
        threshold = _best_threshold(similarity[training], same[training])
        correct += ((similarity[fold] >= threshold) == same[fold]).sum().item()
    return correct / len(same)


def _best_threshold(similarity: Tensor, same: Tensor) -> Tensor:
    """The threshold () at which most of the pairs (N,) are told right."""
    order = similarity.argsort(descending=True)
    hits = same[order].long()
    # With the first k called one person: the true ones among them and the false ones after them are right.
    right = hits.cumsum(0) + (len(hits) - hits.sum()) - (1 - hits).cumsum(0)
    best = right.argmax()
    ahead = similarity[order]
    return (ahead[best] + ahead[(best + 1).clamp(max=len(ahead) - 1)]) / 2


def own_and_others(similarity: Tensor, who: Tensor) -> tuple[Tensor, Tensor]:
    """Similarities (K, P) to a gallery -> those to oneself (K,), by row, and all others (K * (P - 1),).

    ``who`` (K,): which column is a row's own.
    """
    own = torch.zeros_like(similarity, dtype=torch.bool).scatter(1, who[:, None], True)
    return similarity[own], similarity[~own]


def ranks(similarity: Tensor, who: Tensor) -> Tensor:
    """The rank (K,) of each probe's own identity by its similarities (K, P) to a gallery; 1 is first.

    The gallery has one image of each person. ``who`` (K,): which column is the probe's. Ties count for the
    attacker.
    """
    return 1 + (similarity > similarity.gather(1, who[:, None])).sum(1)


def accepted(own: Tensor, others: Tensor, false_accept_rate: float) -> Tensor:
    """Which of the ``own`` similarities (N,) exceed the threshold that so many of ``others`` pass."""
    return own > torch.quantile(others.double(), 1 - false_accept_rate)


def area_under_curve(own: Tensor, others: Tensor) -> float:
    """How often a similarity to oneself exceeds one to another person; 0.5 is chance (Mann-Whitney)."""
    ordered = others.sort().values
    below = torch.searchsorted(ordered, own, right=False).double()
    equal = torch.searchsorted(ordered, own, right=True).double() - below
    return ((below + equal / 2) / len(ordered)).mean().item()
