"""What the tests of the evaluation share: two people with two photos each, random embeddings, numbers."""

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


@pytest.fixture
def numbers() -> dict:
    """Numbers of notebook 08, as two judges found them."""

    def by(dlib: float, mobilefacenet: float) -> dict:
        found = {"dlib": dlib, "mobilefacenet": mobilefacenet}
        rest = {"area under curve": 0.6, "similarity to the own original": [0.1, 0.0, 0.2]}
        return {judge: {"rank-1": [share, share / 2, share * 1.5]} | rest for judge, share in found.items()}

    use = {"still detected": [1.0, 0.99, 1.0], "landmark error": [0.034, 0.03, 0.04], "seconds a photo": 0.12}
    drawn = {"fixed": by(0.01, 0.02), "adaptive": by(0.04, 0.1), "linked": by(0.2, 0.3), "usefulness": use}
    return {
        "people": 300,
        "judges": {"dlib": {"accuracy": 0.9912}, "mobilefacenet": {}},
        "cases": {
            "original": {"fixed": by(0.62, 0.64)},
            "other person": {"fixed": by(0.0, 0.0)},
            "blackout mask=forehead": {"fixed": by(0.01, 0.04), "adaptive": by(0.02, 0.2)},
            "blur strength=0.05": {"fixed": by(0.1, 0.08)},
            "reference verify=yes": drawn | {"itself": {"dlib": [0.0, 0.0, 0.01], "both": [0.02, 0.0, 0.03]}},
            "reference": {"fixed": by(0.03, 0.02)},
        },
    }
