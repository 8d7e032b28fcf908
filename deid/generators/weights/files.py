"""Weights on disk as safetensors: tensors, and facts about them (plain JSON) in the header."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from deid import storage


class WeightsError(ValueError):
    """Weights that cannot be used; the message names the file and the fix."""


class NoNetworkError(WeightsError):
    """A file that is in order, but does not hold the network that was asked for."""


def read(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """A safetensors file -> (tensors in float32, the facts stored in its header)."""
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("deid", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if not isinstance(facts, dict):
            raise ValueError("its facts are no dictionary")
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from None
    return {
        name: value.float() if value.is_floating_point() else value for name, value in tensors.items()
    }, facts


def refuse_foreign(path: str | Path) -> None:
    """Raise ``WeightsError`` where ``path`` exists and is not a weights file of ours to write over."""
    if not Path(path).exists():
        return
    try:
        with safe_open(path, framework="pt") as file:
            facts = (file.metadata() or {}).get("deid")
            # A library of references has the same key; it is not a network.
            ours = facts is not None and "references version" not in json.loads(facts)
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError):
        ours = False
    if not ours:
        raise WeightsError(f"{path}: exists, and this project did not write it; choose another name")


def write(
    path: str | Path, tensors: dict[str, Tensor], facts: dict, precision: torch.dtype = torch.float16
) -> None:
    """Write tensors with ``facts`` (plain JSON) in the header; floats are stored in ``precision``.

    Raises ``WeightsError`` where ``path`` is a file that this project did not write.
    """
    refuse_foreign(path)
    stored = {
        name: (
            value.detach().to("cpu", precision) if value.is_floating_point() else value.detach().cpu()
        ).contiguous()
        for name, value in tensors.items()
    }
    storage.write_atomically(path, save(stored, metadata={"deid": json.dumps(facts)}))
