"""What the tests of a whole photo share: quick options of each method, and noise in place of holes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from deid.anonymization.options import Options

# A StyleGAN2 in NVIDIA's layout with random weights of 32 px: no faces, but the whole way through FFHQ's
# frame.
GOLDEN = str(Path(__file__).parents[1] / "golden" / "generator.pkl")
# Without the check: it compares with the original, and has tests of its own (test_verification.py).
QUICK = {
    "dcgan": Options(method="dcgan", starts=2, iterations=3, verify=False),
    "stylegan2": Options(method="stylegan2", weights=GOLDEN, starts=2, iterations=3, verify=False),
    "onepass": Options(method="onepass", verify=False),
}


@pytest.fixture(params=[*QUICK, "reference"])
def drawn(request) -> Options:
    """Quick options of each method that draws."""
    if request.param in QUICK:
        return QUICK[request.param]
    return Options("reference", weights=str(request.getfixturevalue("library_path")), verify=False)


@pytest.fixture
def quick() -> dict[str, Options]:
    """Quick options by method."""
    return QUICK


@pytest.fixture
def accept_short_searches(monkeypatch):
    """A search of three iterations fits badly; these tests are about where its pixels come from."""
    monkeypatch.setattr("deid.anonymization.synthesis.MAX_CONTEXTUAL", 9.0)


@pytest.fixture
def noisy() -> Callable:
    """Makes the photo with other pixels where ``hidden`` is."""

    def replace(photo, hidden, seed=5):
        noise = torch.rand(photo.pixels.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        return dataclasses.replace(photo, pixels=torch.where(hidden > 0.5, noise, photo.pixels))

    return replace
