"""The methods by name. Adding one needs its own module and a line here."""

from functools import lru_cache

from deid.generators import WeightsError
from deid.inpainting.interface import Method
from deid.inpainting.latent_search import LatentSearch
from deid.inpainting.one_pass import OnePass
from deid.inpainting.reference import ReferenceMethod

# Name -> how it draws, and the weights that ship for it. A method's name is the family of its networks.
METHODS: dict[str, tuple[type[Method], str]] = {
    "dcgan": (LatentSearch, "dcgan-64"),
    "stylegan2": (LatentSearch, "stylegan2-64"),
    "onepass": (OnePass, "onepass-128"),
    "reference": (ReferenceMethod, ""),
}


@lru_cache(maxsize=2)
def load_method(name: str, weights: str = "", device: str = "cpu") -> Method:
    """The method ``name`` with ``weights`` (empty: those that ship).

    Raises ``WeightsError`` where they cannot be read, or belong to another method.
    """
    kind, bundled = METHODS[name]
    method = kind(weights or bundled, device)
    if (family := method.family) != name:
        raise WeightsError(f"{weights}: a {family} network; use --method {family} with it")
    return method
