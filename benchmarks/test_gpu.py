"""What a GPU adds. Where there is none all of this is skipped, and what was measured last stays."""

import time

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.others import detected, tutorial
from deid.data import dataset
from deid.training.config import Recipe
from deid.training.loop import Training

pytestmark = [
    pytest.mark.wall,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="not run: there is no GPU"),
]
BATCH, STEPS, SIDE = (
    128,
    200,
    8192,
)  # of a training, and of the matrices whose product says what the GPU can do
BUDGET = 10 * 200_000  # images of the original study
CELEBA = 202_599  # photos


def products() -> float:
    """Operations a second of a product of matrices in bfloat16."""
    matrix = torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        matrix @ matrix
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(10):
        matrix @ matrix
    torch.cuda.synchronize()
    return 10 * 2 * SIDE**3 / (time.perf_counter() - begin)


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_training_on_a_gpu(benchmark, way):
    real = torch.rand(BATCH, 3, 64, 64, device="cuda") * 2 - 1
    step = Training(Recipe(batch=BATCH), "cuda").step if way == "deid" else tutorial("cuda")[0]
    step(real)
    with FlopCounterMode(display=False) as counter:
        step(real)

    def steps() -> None:
        for _ in range(STEPS):
            step(real)
        torch.cuda.synchronize()

    benchmark.pedantic(steps, rounds=1)
    seconds = benchmark.stats.stats.min / STEPS
    benchmark.extra_info |= {
        "device": torch.cuda.get_device_name(),
        "images a second": round(BATCH / seconds),
        "seconds of 2,000,000 images, extrapolated": round(BUDGET / BATCH * seconds),
        "share of the rate of products": round(counter.get_total_flops() / seconds / products(), 4),
    }


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_dataset_creation_on_a_gpu(benchmark, way, portraits, tmp_path):
    """``plain`` is the loop on the processor: so does one who follows the package's examples."""
    own = lambda: [*dataset.create(portraits, tmp_path / "dataset", device="cuda")]  # noqa: E731
    benchmark.pedantic(own if way == "deid" else lambda: detected(portraits), rounds=1)
    each = benchmark.stats.stats.min / len(portraits)
    benchmark.extra_info |= {
        "device": torch.cuda.get_device_name(),
        "photos a second": round(1 / each, 1),
        "hours of CelebA's 202,599 photos, extrapolated": round(CELEBA * each / 3600, 2),
    }
