"""Drawing the hidden part of a face: the methods behind one interface, and the searches they are made of."""

import importlib
from typing import TYPE_CHECKING, Any

from deid.inpainting.registry import METHODS, load_method

if TYPE_CHECKING:
    from deid.inpainting.interface import MaskedFaces, Method, Step, face_seeds

__all__ = ["METHODS", "MaskedFaces", "Method", "Step", "face_seeds", "load_method"]


def __getattr__(name: str) -> Any:
    if name not in __all__:  # what is asked of a method needs PyTorch; which methods there are does not
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("deid.inpainting.interface"), name)
