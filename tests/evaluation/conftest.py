"""What the tests of the evaluation share: two people with two photos each, and random embeddings."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import images


@pytest.fixture(scope="session")
def two_people(portraits, tmp_path_factory) -> Path:
    """LFW's layout with two people, two photos each."""
    folder = tmp_path_factory.mktemp("lfw")
    for index, path in enumerate(portraits(folder / "cut", 4)):
        person = folder / "lfw" / ("Collins", "Hopper")[index % 2]
        person.mkdir(parents=True, exist_ok=True)
        images.save(images.load(path), person / f"{person.name}_{index // 2 + 1:04}.jpg")
    return folder / "lfw"


@pytest.fixture(scope="session")
def unit() -> Callable[..., Tensor]:
    """Random unit vectors of a shape (..., D), the same for a seed."""

    def drawn(*shape: int, seed: int = 0) -> Tensor:
        return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)

    return drawn
