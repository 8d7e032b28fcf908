"""What the tests of generators share: random weights in NVIDIA's layout, and the reference's outputs."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def golden_pickle(golden_folder) -> Path:
    return golden_folder / "generator.pkl"
