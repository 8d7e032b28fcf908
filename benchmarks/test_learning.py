"""Training a DCGAN beside PyTorch's tutorial: how long a step takes, and what as many images teach."""

import copy
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deid.evaluation.feature_distances import frechet_distance
from deid.generators.dcgan import initialize_weights
from deid.photo import images
from deid.training.config import Recipe
from deid.training.ema import recalibrate
from deid.training.loop import Training

FACES = Path(os.environ.get("FACES", Path(__file__).parents[1] / "data" / "celeba-faces"))
STEPS, BATCH = 3, 128
LEARNED, DRAWN = 100, 1000  # steps that teach something, and faces that are drawn after them


def tutorial(device: str = "cpu") -> tuple[Callable[[torch.Tensor], None], nn.Module]:
    """A step of PyTorch's DCGAN tutorial, in float32 and with two passes, and its generator."""
    up = [(100, 512, 1, 0), (512, 256, 2, 1), (256, 128, 2, 1), (128, 64, 2, 1)]
    layers = [
        part
        for a, b, stride, pad in up
        for part in (nn.ConvTranspose2d(a, b, 4, stride, pad, bias=False), nn.BatchNorm2d(b), nn.ReLU(True))
    ]
    G = nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()).to(device)
    down = [
        part
        for a, b in ((64, 128), (128, 256), (256, 512))
        for part in (nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True))
    ]
    first = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    D = nn.Sequential(*first, *down, nn.Conv2d(512, 1, 4, bias=False), nn.Sigmoid()).to(device)
    for network in (G, D):
        network.apply(initialize_weights)
    loss = nn.BCELoss()
    adams = [torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (D, G)]

    def step(real: torch.Tensor) -> None:
        ones, zeros = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)
        D.zero_grad()
        fake = G(torch.randn(len(real), 100, 1, 1, device=device))
        loss(D(real).view(-1), ones).backward()
        loss(D(fake.detach()).view(-1), zeros).backward()
        adams[0].step()
        G.zero_grad()
        loss(D(fake).view(-1), ones).backward()
        adams[1].step()

    return step, G


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
