"""The exponential moving average (EMA) of a generator's weights, and the statistics that belong to it."""

from typing import TypeVar

import torch
from torch import nn

from deid.generators.interface import FaceGenerator

Network = TypeVar("Network", bound=FaceGenerator)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``network`` by ``1 - decay``; buffers are copied. In place.

    Yazici et al. (2019), arXiv 1806.04498. Both networks have the same parameters, in the same order.
    """
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for buffer, newest in zip(average.buffers(), network.buffers(), strict=True):
        buffer.copy_(newest)


def recalibrate(generator: Network, batches: int = 16, batch: int = 128, seed: int = 0) -> Network:
    """Estimate again what depends on the weights: batch-norm statistics, the mean of w. In place.

    An average of weights still has the statistics of other weights. New ones are estimated from ``batches``
    of ``batch`` samples. The generator comes back in evaluation mode.
    """
    generator.calibrate(batches, batch, torch.Generator().manual_seed(seed))
    return generator.eval()
