"""Whether someone wears glasses, by what is seen beside their hidden face: arms, at most.

A small network looks at the strips to the left and right of a hole. It was trained on real faces whose middle
was hidden (``training.glasses``), and has never seen what a hole hides.
"""

from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("glasses.safetensors")
HEIGHT, WIDTH = 32, 48  # pixels of a strip
WIDTHS = (16, 24, 32, 48, 48)
STRIDES = (1, 2, 1, 2, 1)
CELLS = 8  # to each side of what is told apart at last


class Strips(nn.Module):
    """Convolutions with batch norm, then one dense layer: (N, 4, 32, 48) -> (N,) logits."""

    def __init__(self) -> None:
        super().__init__()
        sizes = zip((4, *WIDTHS), WIDTHS, STRIDES, strict=False)
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 3, step, 1) for before, after, step in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in WIDTHS)
        self.last = nn.Linear(WIDTHS[-1] * CELLS**2, 1)

    def forward(self, strips: Tensor) -> Tensor:
        """Strips as ``seen`` makes them -> how much each speaks for glasses, as a logarithm of odds."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            strips = F.silu(norm(layer(strips)))
        found = F.adaptive_avg_pool2d(strips, CELLS).flatten(1)
        return self.last(F.dropout(found, 0.3, self.training))[:, 0]


def seen(strips: Tensor, hidden: Tensor) -> Tensor:
    """What the network sees of strips (N, 3, 32, 48) in [-1, 1], less what is ``hidden`` (N, 1, 32, 48)."""
    return torch.cat([strips * (1 - hidden), hidden], 1)


@torch.no_grad()
def worn(strips: Tensor) -> Tensor:
    """How much each strip (N, 4, 32, 48) speaks for glasses, (N,): their sum over both sides is a logit."""
    return load()(strips)


@lru_cache(maxsize=1)
def load() -> Strips:
    """The network that ships, ready to use."""
    network = Strips()
    network.load_state_dict(
        {
            name: value.float() if value.is_floating_point() else value
            for name, value in load_file(WEIGHTS).items()
        }
    )
    return network.eval().requires_grad_(False)
