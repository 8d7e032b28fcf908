"""The table of seconds and memory comes from a process per size, with NVIDIA's widths."""

import json
import subprocess
import sys

import pytest
import torch

from deid.evaluation import benchmarks


def test_widths_are_those_of_the_published_networks():
    assert benchmarks.widths(256) == (512, 512, 512, 512, 256, 128, 64)  # ffhq-256, "paper256"
    assert benchmarks.widths(1024) == (512, 512, 512, 512, 512, 256, 128, 64, 32)  # ffhq-1024, "stylegan2"


@pytest.mark.slow
def test_each_resolution_is_measured_in_a_process_of_its_own():
    """The small one comes second, after a large parent: neither's peak may be taken for its own."""
    ballast = torch.ones(2**28)  # 1 GiB
    command = [sys.executable, "-m", "deid.evaluation.benchmarks", "--resolution", "32", "8"]
    command += ["--starts", "2", "--iterations", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    large, small = map(json.loads, result.stdout.splitlines())
    del ballast
    assert (large["resolution"], small["resolution"]) == (32, 8)
    assert small["seconds_a_latent"] > 0 and large["seconds_a_latent"] > 0  # less or more: other work decides
    assert 2**26 < small["peak_bytes"] < large["peak_bytes"]
