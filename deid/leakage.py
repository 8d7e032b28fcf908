"""What a generator remembers: are its faces nearer to the people it was trained on than strangers are?

Webster et al. (2021, arXiv 2107.06018) find training identities in GANs' samples. The same question, with a recogniser:
the nearest training identity of each sample, against the nearest one of each of so many real people who were not there.
"""

import torch
from torch import Tensor

from deid import privacy, quality


def nearest(vectors: Tensor, training: Tensor, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """The similarity (N,) of each unit vector (N, D) to the most alike of ``training`` (M, D), and which it is."""
    found = [(part @ training.T).max(1) for part in vectors.split(chunk)]
    return torch.cat([best.values for best in found]), torch.cat([best.indices for best in found])


def leak(samples: Tensor, strangers: Tensor, training: Tensor, same_person: float) -> dict:
    """Numbers for a generator's ``samples`` (N, D), for real ``strangers`` (K, D), each against ``training`` (M, D).

    "nearer than a stranger" is how often a sample lies nearer to its nearest training identity than a stranger to
    theirs: 0.5 is no trace. "same person" is the share over the similarity ``same_person``, at which one of a thousand
    pairs of different people is accepted: with M people to look among, strangers have such a neighbour, too.
    """
    own, theirs = nearest(samples, training)[0], nearest(strangers, training)[0]
    return {
        "samples": _record(own, same_person),
        "strangers": _record(theirs, same_person),
        "nearer than a stranger": round(privacy.area_under_curve(own, theirs), 4),
    }


def copies(samples: Tensor, vectors: Tensor, training: Tensor, training_vectors: Tensor, pairs: int = 20) -> dict:
    """The nearest ``pairs`` by identity, looked at by their pixels, not displayed: is one of them a copy?

    Images (N, 3, S, S), (M, 3, S, S) with their unit vectors. Root-mean-square differences; 2 is black on white.
    Compared with the least difference between as many samples and any training image.
    """
    similarity, index = nearest(vectors, training_vectors)
    rows = similarity.argsort(descending=True)[:pairs]
    apart = (samples[rows] - training[index[rows]]).square().mean((1, 2, 3)).sqrt()
    closest, _ = quality.nearest_distances(samples[rows], training)
    return {"by identity, least": round(apart.min().item(), 4), "by identity, median": round(apart.median().item(), 4),
            "by pixels, least": round(closest.min().item(), 4)}  # fmt: skip


def _record(similarity: Tensor, same_person: float) -> dict:
    return {
        "nearest identity": privacy.bootstrap(similarity).record(),
        "same person": privacy.bootstrap((similarity > same_person).double()).record(),
        "count": len(similarity),
    }


def same_person_at(similarity: Tensor, same: Tensor, rate: float = 0.001) -> float:
    """The similarity that only ``rate`` of the pairs of different people exceed; similarities and ``same`` (N,)."""
    return torch.quantile(similarity[~same].double(), 1 - rate).item()
