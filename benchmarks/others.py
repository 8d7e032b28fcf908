"""What is done elsewhere, and what it is tried on: PyTorch's DCGAN tutorial, a loop of facenet-pytorch."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from facenet_pytorch import MTCNN
from PIL import Image
from torch import nn

from deid.generators.dcgan import initialize_weights

PORTRAITS = Path(os.environ.get("PORTRAITS", Path(__file__).parents[1] / "data" / "synthetic-portraits"))
SMALLEST, LIKELY = 60, 0.9  # pixels of a face, and its score
Found = tuple[torch.Tensor, torch.Tensor]


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


def detected(portraits: Sequence[Path], smallest: int = SMALLEST) -> list[Found]:
    """Boxes (K, 4) and landmarks (K, 5, 2) of the loop that one would write."""
    detector, found = MTCNN(keep_all=True, min_face_size=smallest), []
    for path in portraits:
        boxes, scores, points = detector.detect(Image.open(path), landmarks=True)
        likely = [] if boxes is None else [k for k, score in enumerate(scores) if score >= LIKELY]
        found.append(tuple(torch.tensor([part[k].tolist() for k in likely]) for part in (boxes, points)))
    return found
