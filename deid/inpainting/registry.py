"""The methods by name. Adding one needs its own module and a line here.

Nothing heavy is imported before a method is loaded: the command line shows their names at once.
"""

import importlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deid.inpainting.interface import Method


@dataclass(frozen=True)
class Registered:
    """Where a method's class is (``home``, as "module:class"), and the ``weights`` that ships for it.

    ``heeds`` names the settings of ``Options`` that only some methods look at, and this one does.
    """

    home: str
    weights: str = ""
    heeds: tuple[str, ...] = ()

    @property
    def kind(self) -> "type[Method]":
        """The class: how the method draws."""
        module, _, name = self.home.partition(":")
        return getattr(importlib.import_module(module), name)


_SEARCH = "deid.inpainting.latent_search:LatentSearch"
# A method's name is the family of its networks.
METHODS: dict[str, Registered] = {
    "dcgan": Registered(_SEARCH, "dcgan-64", ("starts", "iterations", "warm")),
    "stylegan2": Registered(_SEARCH, "stylegan2-64", ("starts", "iterations")),
    "onepass": Registered("deid.inpainting.one_pass:OnePass", "onepass-128", ("truncation",)),
    "reference": Registered("deid.inpainting.reference:ReferenceMethod"),
}


@lru_cache(maxsize=2)
def load_method(name: str, weights: str = "", device: str = "cpu") -> "Method":
    """The method ``name`` with ``weights`` (empty: those that ship).

    Raises ``WeightsError`` where they cannot be read, or belong to another method.
    """
    entry = METHODS[name]
    method = entry.kind(weights or entry.weights, device)
    if (family := method.family) != name:
        from deid.generators import WeightsError  # loaded with the method

        raise WeightsError(f"{weights}: a {family} network; use --method {family} with it")
    return method
