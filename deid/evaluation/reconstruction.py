"""The third attacker: a small network that learns to undo a method.

It is judged by who is recognised in what it restores. It is trained on pairs that any attacker can make,
strangers' portraits before and after the method; McPherson et al. (2016, arXiv 1609.00408) and Fantomas
(arXiv 2210.10651) do the same with larger ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid.anonymization import pipeline
from deid.anonymization.options import Options
from deid.data.crops import FaceCrops
from deid.photo import alignment
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import from_landmarks
from deid.photo.images import Photo

REVISION = 1  # of the network and how it learns: what an older one left in a cache is made again
BATCH = 32  # pairs in a step of training


class Reverser(nn.Module):
    """A U-Net: crops after a method (N, 3, 64, 64) -> what they may have been before (N, 3, 64, 64)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 192)) -> None:
        super().__init__()
        self.down = nn.ModuleList(_block(a, b) for a, b in zip((3, *widths), widths, strict=False))
        upwards = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(_block(deep + flat, flat) for deep, flat in upwards)
        self.last = nn.Conv2d(widths[0], 3, 1)
        nn.init.zeros_(self.last.weight)  # it starts from changing nothing
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # there is a bias

    def forward(self, crops: Tensor) -> Tensor:
        """Crops (N, 3, 64, 64) in [-1, 1] -> restored ones (N, 3, 64, 64), not clamped."""
        features, skipped = crops, []
        for level, block in enumerate(self.down):
            features = block(F.avg_pool2d(features, 2) if level else features)
            skipped.append(features)
        for block, known in zip(self.up, skipped[-2::-1], strict=True):
            features = block(torch.cat([F.interpolate(features, scale_factor=2.0), known], 1))
        return crops + self.last(features)


@dataclass(frozen=True)
class Lesson:
    """How a reverser is trained: ``pairs`` of strangers' crops, and how many images it has ``seen`` then."""

    pairs: int
    seen: int
    seed: int = 0

    def order(self, count: int) -> list[int]:
        """Which of ``count`` strangers it learns from."""
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self.seed))
        return order[: self.pairs].tolist()


def training_pairs(crops: FaceCrops, options: Options, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Strangers' crops after a method, and before it, both (N, 3, 64, 64): what the attacker learns from."""
    after, before = [], []
    for index in indices:
        whole, points = crops.batch([index]), crops.landmarks[index].double()
        face = from_landmarks(points)
        result = pipeline.anonymize(Photo(whole), replace(options, seed=int(index)), [face])
        matrix = DCGAN_FRAME.matrix(face)
        after.append(alignment.crop(result.photo.pixels, matrix, DCGAN_FRAME.size))
        before.append(alignment.crop(whole, matrix, DCGAN_FRAME.size))
    return torch.cat(after), torch.cat(before)


@dataclass(frozen=True)
class ReconstructionStep:
    """Pairs seen so far, and the mean absolute difference that is left."""

    images: int
    loss: float


def train_reverser(
    network: Reverser, after: Tensor, before: Tensor, images: int, seed: int = 0
) -> Iterator[ReconstructionStep]:
    """Teach ``network`` on pairs (N, 3, 64, 64) in [-1, 1] -> a record a step.

    Mean absolute difference, Adam, half of the batches mirrored.
    """
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    total = max(1, images // BATCH)
    for step in range(total):
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1.0, 2 * (1 - step / total))
        rows = torch.randint(0, len(after), (BATCH,), generator=random)
        pair = torch.stack([after[rows], before[rows]])
        pair = pair.flip(4) if torch.rand((), generator=random) < 0.5 else pair
        with torch.autocast("cpu", torch.bfloat16):
            restored = network(pair[0].contiguous(memory_format=torch.channels_last))
        loss = F.l1_loss(restored.float(), pair[1])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        yield ReconstructionStep((step + 1) * BATCH, loss.item())


@torch.no_grad()
def restore(network: Reverser, crops: Tensor) -> Tensor:
    """Crops (N, 3, 64, 64) after a method -> restored ones (N, 3, 64, 64) in [-1, 1]."""
    return torch.cat([network.eval()(part) for part in crops.split(64)]).clamp(-1, 1)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(8, outputs), nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.GroupNorm(8, outputs), nn.SiLU(),
    )  # fmt: skip
