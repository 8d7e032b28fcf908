"""What can draw a face: networks behind one small interface (``generators.interface``)."""

from pathlib import Path
from typing import cast

import torch
from torch import nn

from deid.generators.encoder import Encoder
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.generators.weights import architectures, loading
from deid.generators.weights.files import WeightsError
from deid.photo.alignment import FRAMES, Frame

__all__ = [
    "FaceDiscriminator",
    "FaceGenerator",
    "WeightsError",
    "frame_of",
    "load_discriminator",
    "load_encoder",
    "load_generator",
]


def load_generator(name: str | Path = "dcgan-64", device: str = "cpu") -> FaceGenerator:
    """A generator in evaluation mode, its weights frozen.

    ``name`` is a bundled network, a file (safetensors, NVIDIA's ``.pkl``, rosinality's ``.pt``), or a short
    name or URL that was fetched before. Raises ``WeightsError`` with the file and the fix.
    """
    return cast(FaceGenerator, _load(name, "generator", device))


def load_discriminator(name: str | Path = "dcgan-64", device: str = "cpu") -> FaceDiscriminator:
    """The discriminator that was trained against ``load_generator(name)``.

    Images (N, 3, R, R) -> logits (N,) or (N, 1); a one-pass network's also needs the conditions.
    """
    return cast(FaceDiscriminator, _load(name, "discriminator", device))


def load_encoder(name: str | Path = "dcgan-64", device: str = "cpu") -> Encoder:
    """The encoder that was trained for ``load_generator(name)``. Raises ``WeightsError`` with the fix."""
    path = loading.locate(name)
    tensors = loading.read_encoder(path)
    try:
        network = Encoder(len(tensors["last.bias"]))
        network.load_state_dict(tensors)
    except (KeyError, RuntimeError, TypeError):
        raise WeightsError(f"{loading.encoder_path(path)}: not an encoder of this project") from None
    return network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]


def frame_of(generator: FaceGenerator) -> Frame:
    """How a generator's faces sit in its images: as its weights file says, else as its family is trained."""
    return FRAMES[generator.facts.get("frame", generator.usual_frame)].resized(generator.resolution)


def _load(name: str | Path, role: str, device: str) -> nn.Module:
    path = loading.locate(name)
    tensors, facts = loading.read_network(path, role)
    if (held := architectures.role(tensors)) not in ("", role):
        raise WeightsError(f"{path}: a {held}; a {role} was asked for")
    try:
        network = architectures.build(tensors, facts)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    return network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
