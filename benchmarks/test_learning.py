"""Training a DCGAN beside PyTorch's tutorial: how long a step takes, and what as many images teach."""

import copy
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from benchmarks.others import tutorial
from deid.evaluation.feature_distances import frechet_distance
from deid.photo import images
from deid.training.config import Recipe
from deid.training.ema import recalibrate
from deid.training.loop import Training

FACES = Path(os.environ.get("FACES", Path(__file__).parents[1] / "data" / "celeba-faces"))
STEPS, BATCH = 3, 128
LEARNED, DRAWN = 100, 1000  # steps that teach something, and faces that are drawn after them


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_training_step(benchmark, way):
    """Our DCGAN's own recipe beside the tutorial's; random images: what they show changes no time."""
    real = torch.rand(BATCH, 3, 64, 64) * 2 - 1
    step = Training(Recipe(batch=BATCH)).step if way == "deid" else tutorial()[0]
    step(real)  # the first one chooses kernels
    benchmark.pedantic(lambda: [step(real) for _ in range(STEPS)], rounds=1)
    benchmark.extra_info["images"] = STEPS * BATCH


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_training_quality(benchmark, way):
    """Both recipes on the same real faces, as often: how far what they draw is from others of them."""
    real = real_faces()
    random = torch.Generator().manual_seed(0)
    batches = [real[torch.randint(len(real) - DRAWN, (BATCH,), generator=random)] for _ in range(LEARNED)]
    training = Training(Recipe(batch=BATCH, images=LEARNED * BATCH))
    step, G = (training.step, None) if way == "deid" else tutorial()
    benchmark.pedantic(lambda: [step(batch) for batch in batches], rounds=1)
    with torch.no_grad():
        G = G or recalibrate(copy.deepcopy(training.average), batches=4)
        z = torch.randn(DRAWN, 100, 1, 1, generator=random)
        made = torch.cat([G(part).float() for part in z.split(BATCH)])
    benchmark.extra_info["images"] = LEARNED * BATCH
    benchmark.extra_info["Frechet distance"] = round(frechet_distance(made, real[-DRAWN:]), 2)


def real_faces() -> torch.Tensor:
    """Faces (N, 3, 64, 64) in [-1, 1]; the last ``DRAWN`` are not learned from."""
    found = sorted(FACES.glob("*.webp"))[: 8 * DRAWN]
    if len(found) < 2 * DRAWN:
        pytest.skip(f"not run: {FACES} has no {2 * DRAWN} aligned faces (FACES=FOLDER)")
    pictures = [images.load(path).pixels for path in found]
    return torch.cat([F.interpolate(picture, (64, 64), mode="area") for picture in pictures])
