"""What every family's objective can do: the interface that the training loop works with."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from deid.data.crops import FaceCrops
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.training.config import Recipe
from deid.training.processes import ALONE, Alone

Batch = TypeVar("Batch")  # the real examples of one step, on the networks' device


class Objective(ABC, Generic[Batch]):
    """What a family of networks learns. ``random`` draws on the CPU, ``noise`` on the networks' device.

    ``previewed`` is the number of latents in a preview. ``splits``: whether several processes can share a
    batch; ``processes`` are those that do.
    """

    previewed: ClassVar[int] = 64
    splits: ClassVar[bool] = False
    processes: Alone = ALONE

    def __init__(
        self,
        recipe: Recipe,
        G: FaceGenerator,
        D: FaceDiscriminator,
        random: torch.Generator,
        noise: torch.Generator,
    ) -> None:
        self.recipe, self.G, self.D, self.random, self.noise = recipe, G, D, random, noise

    @staticmethod
    @abstractmethod
    def build(recipe: Recipe) -> tuple[FaceGenerator, FaceDiscriminator]:
        """New networks G and D, in training mode."""

    @staticmethod
    def adapt(
        G: FaceGenerator, D: FaceDiscriminator, recipe: Recipe
    ) -> tuple[FaceGenerator, FaceDiscriminator]:
        """Trained networks, changed so that they fit the recipe: a larger network, another normalisation."""
        return G, D

    @abstractmethod
    def examples(self, crops: FaceCrops, indices: Sequence[int]) -> Batch:
        """The crops at ``indices`` as real examples, augmented, on the CPU."""

    @abstractmethod
    def generate(self, batch: Batch) -> Tensor:
        """What G draws for a batch of N examples, from new latents: (N, 3, S, S)."""

    @abstractmethod
    def discriminator_loss(self, batch: Batch, fake: Tensor, penalty: float) -> Tensor:
        """What D minimises, plus ``penalty`` times R1; fake (N, 3, S, S) -> scalar."""

    @abstractmethod
    def generator_loss(self, batch: Batch, fake: Tensor) -> Tensor:
        """What G minimises, after ``discriminator_loss`` of the same batch; fake (N, 3, S, S) -> scalar."""

    @abstractmethod
    def preview(self, network: FaceGenerator, z: Tensor, crops: FaceCrops) -> Tensor:
        """What ``network`` draws for z (N, z_dim), around ``crops`` if it needs any: (N, 3, S, S)."""

    def _mirrored(self, count: int) -> Tensor:
        """Which of ``count`` examples are mirrored: boolean (count,)."""
        if not self.recipe.flips:
            return torch.zeros(count, dtype=torch.bool)
        return torch.rand(count, generator=self.random) < 0.5
