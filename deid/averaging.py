"""The moving average of a generator's weights, and the statistics that belong to it."""

import torch
from torch import nn


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of the parameters; buffers are copied (Yazici et al., 2019, arXiv 1806.04498)."""
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for mean, value in zip(average.buffers(), network.buffers(), strict=True):
        mean.copy_(value)


@torch.no_grad()
def recalibrate(generator: nn.Module, batches: int = 16, batch: int = 128, seed: int = 0) -> nn.Module:
    """Re-estimate batch-norm statistics for the averaged weights; they belong to other weights before. In place.

    So is the mean person of a one-pass generator, for truncation. Others come back as they are, in evaluation mode.
    """
    if getattr(generator, "family", "") == "onepass":
        z = generator.sample_z(batches * batch, torch.Generator().manual_seed(seed))
        generator.mapping.w_avg.copy_(generator.mapping(z.to(generator.mapping.w_avg.device))[:, 0].mean(0))
    norms = [layer for layer in generator.modules() if isinstance(layer, nn.BatchNorm2d)]
    if not norms:
        return generator.eval()
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean
    device = next(generator.parameters()).device
    random = torch.Generator().manual_seed(seed)
    generator.train()
    for _ in range(batches):
        generator(generator.sample_z(batch, random).to(device))
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return generator.eval()
