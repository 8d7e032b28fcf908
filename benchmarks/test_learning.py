"""What the study does most often, beside what its sources do: a training step, and crops out of photos."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from facenet_pytorch import MTCNN
from PIL import Image
from torch import nn

from deid.data import dataset
from deid.training.config import Recipe
from deid.training.loop import Training

PORTRAITS = Path(os.environ.get("PORTRAITS", Path(__file__).parents[1] / "data" / "synthetic-portraits"))
STEPS, BATCH, PHOTOS, SIZE = 3, 128, 64, (178, 218)  # the size is CelebA's


def tutorial_step() -> Callable[[torch.Tensor], None]:
    """A step of PyTorch's DCGAN tutorial: float32, two passes of real and drawn images, Adam."""
    up = [(100, 512, 1, 0), (512, 256, 2, 1), (256, 128, 2, 1), (128, 64, 2, 1)]
    layers = [
        part
        for a, b, stride, pad in up
        for part in (nn.ConvTranspose2d(a, b, 4, stride, pad, bias=False), nn.BatchNorm2d(b), nn.ReLU(True))
    ]
    G = nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())
    down = [
        part
        for a, b in ((64, 128), (128, 256), (256, 512))
        for part in (nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True))
    ]
    first = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    D = nn.Sequential(*first, *down, nn.Conv2d(512, 1, 4, bias=False), nn.Sigmoid())
    loss = nn.BCELoss()
    adams = [torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (D, G)]

    def step(real: torch.Tensor) -> None:
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        D.zero_grad()
        fake = G(torch.randn(len(real), 100, 1, 1))
        loss(D(real).view(-1), ones).backward()
        loss(D(fake.detach()).view(-1), zeros).backward()
        adams[0].step()
        G.zero_grad()
        loss(D(fake).view(-1), ones).backward()
        adams[1].step()

    return step


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_training_step(benchmark, way):
    """Our DCGAN's own recipe beside the tutorial's; random images: what they show changes no time."""
    real = torch.rand(BATCH, 3, 64, 64) * 2 - 1
    step = Training(Recipe(batch=BATCH)).step if way == "deid" else tutorial_step()
    step(real)  # the first one chooses kernels
    benchmark.pedantic(lambda: [step(real) for _ in range(STEPS)], rounds=1)
    benchmark.extra_info["images"] = STEPS * BATCH


@pytest.fixture(scope="session")
def portraits(tmp_path_factory) -> list[Path]:
    """Photos of CelebA's size."""
    found = sorted(PORTRAITS.glob("*.webp"))[:PHOTOS]
    if not found:
        pytest.skip(f"not run: {PORTRAITS} has no portraits (PORTRAITS=FOLDER)")
    folder = tmp_path_factory.mktemp("portraits")
    for path in found:
        with Image.open(path) as picture:
            side = (picture.width - picture.height * SIZE[0] // SIZE[1]) // 2
            box = (side, 0, picture.width - side, picture.height)
            picture.convert("RGB").crop(box).resize(SIZE).save(folder / f"{path.stem}.jpg", quality=95)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_dataset_creation(benchmark, way, portraits, tmp_path):
    """All of it, with alignment, crops and index, beside a loop that only detects."""

    def plain() -> None:
        detector = MTCNN(min_face_size=60)
        for path in portraits:
            detector.detect(Image.open(path), landmarks=True)

    own = lambda: [*dataset.create(portraits, tmp_path / "dataset")]  # noqa: E731
    benchmark.pedantic(own if way == "deid" else plain, rounds=1)
    benchmark.extra_info["photos"] = len(portraits)
