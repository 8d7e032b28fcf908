"""The spaces that a search moves in. A latent is standard normal in each, so one prior serves them all.

Each has ``prior``, what the prior weighs in it: a search with a style for each layer goes further astray than
one of z.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.generators.interface import FaceGenerator

WHITENED_FROM = 10_000  # latents that w's mean and covariance are estimated from


class LatentSpace(Protocol):
    """Where a search moves: standard normal latents (..., L, d), and the images that they stand for."""

    prior: float

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """``count`` random latents (count, L, d)."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (N, L, d) -> images (N, 3, S, S)."""
        ...


class NormalLatents:
    """A DCGAN's own z: latents (..., 1, z_dim)."""

    prior = 0.05

    def __init__(self, generator: FaceGenerator) -> None:
        self.generator = generator

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """``count`` random latents (count, 1, z_dim)."""
        return self.generator.sample_z(count, random)[:, None]

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (N, 1, z_dim) -> images (N, 3, S, S)."""
        return self.generator(latents[:, 0])


class StyleLatents:
    """StyleGAN2's W+, one style for each layer, whitened: latents (..., num_ws, w_dim).

    Undoing the mapping network's last leaky ReLU makes w nearly Gaussian (Zhu et al., 2020, arXiv 2012.09036,
    section 3.1: the space P_N); its mean and covariance then whiten it. Random latents are drawn through the
    mapping network, the same for all layers; a search may move the layers apart.
    """

    prior = (
        1.0  # with a DCGAN's 0.05 the visible pixels are met more closely, by faces that are less plausible
    )

    def __init__(self, generator: Any, truncation: float = 0.8) -> None:
        self.generator, self.truncation = generator, truncation
        device = next(generator.parameters()).device
        with torch.no_grad():
            z = generator.sample_z(WHITENED_FROM, torch.Generator().manual_seed(0)).to(device)
            gaussian = _before_activation(generator.mapping(z)[:, 0])
            self.mean = gaussian.mean(0)
            # Directions that w hardly varies in are not to be searched: they are divided by at least a
            # thousandth.
            values, self.axes = torch.linalg.eigh(torch.cov(gaussian.T).double().cpu())
            self.deviations = values.clamp(min=values.max() * 1e-6).sqrt().float().to(device)
            self.axes = self.axes.float().to(device)

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """``count`` random latents (count, num_ws, w_dim), the same for each layer."""
        z = self.generator.sample_z(count, random).to(self.mean.device)
        gaussian = _before_activation(self.generator.mapping(z, self.truncation))
        return (gaussian - self.mean) @ self.axes / self.deviations

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (N, num_ws, w_dim) -> images (N, 3, S, S); the network's own constant noise."""
        with torch.autocast(latents.device.type, enabled=False):
            gaussian = (latents * self.deviations) @ self.axes.T + self.mean
        return self.generator.synthesis(F.leaky_relu(gaussian, 0.2))


SPACES: dict[str, Callable[[Any], LatentSpace]] = {"z": NormalLatents, "w+": StyleLatents}


@lru_cache(maxsize=4)
def of(generator: FaceGenerator) -> LatentSpace:
    """The space to search for this generator: the one that it names."""
    return SPACES[generator.latent_space](generator)


def _before_activation(w: Tensor) -> Tensor:
    return F.leaky_relu(w, 5.0)
