"""Sex and age, as far as a face or what surrounds a hidden one tells them: to draw a face that fits.

Logistic regression on a recogniser's vectors for faces, and on those of ``recognition.coherence`` for
surroundings. The second has learned from photos whose faces the first had judged
(``training.coherence.traits``). Nothing of it is written down about a person in a photo.
"""

from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

WEIGHTS = Path(__file__).with_suffix(".safetensors")
NAMES = ("woman", "child", "elderly")
TEMPERED, LEAST = (1.0, 0.5, 0.5), 0.02
# How far each of the three, told by surroundings, speaks for a woman, as logarithms of odds, and how far
# nothing does: short grey hair is less of a man's than it seems. By logistic regression on surroundings of
# 205 portraits; half as sure as that, and in doubt a woman: a man's face under her hair is noticed sooner.
WOMAN, EVEN = (2.0, 0.67, 0.61, 4.06), 0.5


def of_faces(embeddings: Tensor) -> Tensor:
    """How likely each of ``NAMES`` is, (N, 3) from 0 to 1, for the recogniser's unit vectors (N, 128)."""
    return likely(embeddings, load()["faces"])


def of_surroundings(kinds: Tensor) -> Tensor:
    """The same for the kinds (N, 64) that fit into surroundings: never sure."""
    found = likely(kinds, load()["surroundings"])
    woman = found.logit(1e-6) @ torch.tensor(WOMAN[:-1]).to(found) + WOMAN[-1]
    return torch.cat([woman.sigmoid()[:, None], found[:, 1:]], 1)


def agreement(faces: Tensor, surroundings: Tensor) -> Tensor:
    """How much more likely than by chance faces (N, 3) and surroundings (N or 1, 3) agree: a logarithm (N,).

    What is rare counts more where it is found: surroundings are never sure of a child, and without this none
    would ever get one. ``TEMPERED``: the whole ratio would give too many adults a child's face.
    """
    share = torch.cat([torch.tensor([EVEN]), load()["usual"][1:]]).to(faces)
    tempered = torch.tensor(TEMPERED).to(faces)
    usual, other = share**tempered, (1 - share) ** tempered
    both = faces * surroundings / usual + (1 - faces) * (1 - surroundings) / other
    return both.clamp(min=LEAST).log().sum(1)


def likely(vectors: Tensor, weights: Tensor) -> Tensor:
    """Vectors (N, D) under weights (K, D + 1), the last of which is the bias -> (N, K)."""
    return (vectors @ weights[:, :-1].T + weights[:, -1]).sigmoid()


@lru_cache(maxsize=1)
def load() -> dict[str, Tensor]:
    """The weights that ship: "faces" (3, 129), "surroundings" (3, 65), and what these say
    on average, "usual" (3,)."""
    return {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}
