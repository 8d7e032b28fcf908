"""What can draw a face: networks behind one small interface.

Every generator has ``resolution``, ``family``, ``sample_z(count, random)`` and ``forward(z)`` -> (N, 3, R, R).
"""

from pathlib import Path

import torch
from torch import nn

from deid.generators import formats, layouts
from deid.generators.files import WeightsError

__all__ = ["WeightsError", "load_discriminator", "load_generator"]


def load_generator(name: str | Path = "dcgan-64", device: str = "cpu") -> nn.Module:
    """A generator in evaluation mode, its weights frozen.

    ``name`` is a bundled network, a file (safetensors, NVIDIA's ``.pkl``, rosinality's ``.pt``), or a short name or URL
    that was fetched before. Raises ``WeightsError`` with the file and the fix.
    """
    return _load(name, "generator", device)


def load_discriminator(name: str | Path = "dcgan-64", device: str = "cpu") -> nn.Module:
    """The discriminator that was trained against ``load_generator(name)``: images -> logits (N,) or (N, 1)."""
    return _load(name, "discriminator", device)


def _load(name: str | Path, role: str, device: str) -> nn.Module:
    path = formats.locate(name)
    tensors, facts = formats.read(path, role)
    if (held := layouts.role(tensors)) not in ("", role):
        raise WeightsError(f"{path}: a {held}; a {role} was asked for")
    try:
        network = layouts.build(tensors, facts)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    return network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
