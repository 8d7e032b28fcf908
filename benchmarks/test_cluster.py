"""A cluster of one machine beside that machine without one: what Ray costs before it helps."""

import sys
from pathlib import Path

import pytest

from deid.data import synthetic
from deid.generators import load_generator

PHOTOS = 512


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """Photos of people whom version 1 draws."""
    folder = tmp_path_factory.mktemp("drawn")
    synthetic.portraits(load_generator(), PHOTOS, folder)
    return folder


@pytest.mark.wall
@pytest.mark.parametrize("way", ["no cluster", "cluster"])
def test_crops_on_a_cluster(run, way, drawn):
    pytest.importorskip("ray", reason="not run: Ray is not installed (make cluster)")
    words = [sys.executable, "-m", "deid.data", "create", str(drawn), "{out}/faces"]
    more = ["--cluster", "auto", "--each", "64"] if way == "cluster" else []
    run(words + more, {"TQDM_DISABLE": "1", "OMP_WAIT_POLICY": "PASSIVE"})
