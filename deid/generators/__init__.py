"""What can draw a face: networks behind one small interface.

Every generator has ``resolution``, ``family``, ``sample_z(count, random)`` and ``forward(z)`` -> (N, 3, R, R).
"""

from pathlib import Path

import torch
from torch import nn

from deid.generators import dcgan, weights
from deid.generators.weights import WeightsError


def load_generator(name: str | Path = "dcgan-64", device: str = "cpu") -> nn.Module:
    """The generator in a bundled short name or a safetensors file, in evaluation mode, its weights frozen."""
    return _load(name, "", device)


def load_discriminator(name: str | Path = "dcgan-64", device: str = "cpu") -> nn.Module:
    """The discriminator that was trained against ``load_generator(name)``: images -> logits (N,)."""
    return _load(name, "-discriminator", device)


def _load(name: str | Path, role: str, device: str) -> nn.Module:
    path = weights.locate(name)
    path = path.with_name(path.stem + role + path.suffix) if role else path
    if not path.is_file():
        raise WeightsError(f"{path}: missing; a search needs the discriminator beside its generator")
    tensors, facts = weights.read(path)
    network = _build(tensors, facts, path)
    return network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


def _build(tensors: dict, facts: dict, path: Path) -> nn.Module:
    first = tensors.get("main.0.weight")
    if first is None or first.ndim != 4:
        raise WeightsError(f"{path}: not a DCGAN in the layout of PyTorch's tutorial (no main.0.weight)")
    try:
        if first.shape[1] == 3:  # a convolution that reads RGB: the discriminator
            norm = "batch" if any("running_mean" in key for key in tensors) else "none"
            network: nn.Module = dcgan.Discriminator(first.shape[0], norm)
        else:
            network = dcgan.Generator(first.shape[0], first.shape[1] // 8)
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path}: {error}") from None
    network.facts = facts
    return network
