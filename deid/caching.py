"""Tensors that take long to make are made once."""

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from deid import images


def kept(path: str | Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in ``path``; where it is missing they are made, and kept there whole or not at all."""
    if not Path(path).exists():
        images.write_atomically(path, save({name: tensor.contiguous() for name, tensor in make().items()}))
    return load_file(path)
