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
# A man's face under a woman's hair is noticed sooner than the reverse: in doubt it is a woman's.
DOUBT = (0.65, 1.0, 1.0)


def of_faces(embeddings: Tensor) -> Tensor:
    """How likely each of ``NAMES`` is, (N, 3) from 0 to 1, for the recogniser's unit vectors (N, 128)."""
    return likely(embeddings, load()["faces"])


def of_surroundings(kinds: Tensor) -> Tensor:
    """The same for the kinds (N, 64) that fit into surroundings: never sure."""
    return likely(kinds, load()["surroundings"])


def agreement(faces: Tensor, surroundings: Tensor) -> Tensor:
    """How much more likely than by chance faces (N, 3) and surroundings (N or 1, 3) agree: a logarithm (N,).

    What is rare counts more where it is found: surroundings are never sure of a child, and without this none
    would ever get one. ``TEMPERED``: the whole ratio would give too many adults a child's face.
    """
    tempered, share = torch.tensor(TEMPERED).to(faces), load()["usual"] * torch.tensor(DOUBT)
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
