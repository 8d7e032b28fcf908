"""Drawing the hidden part of a face: the methods behind one interface, and the searches they are made of."""

from deid.inpainting.interface import MaskedFaces, Method, Step, face_seeds
from deid.inpainting.registry import METHODS, load_method

__all__ = ["METHODS", "MaskedFaces", "Method", "Step", "face_seeds", "load_method"]
