"""Whole faces from latents: the objectives of a DCGAN and of a StyleGAN2."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from deid import losses
from deid.data.crops import FaceCrops
from deid.generators import dcgan, stylegan2
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.training import augmentation
from deid.training.config import Recipe
from deid.training.objectives.base import Objective
from deid.training.objectives.styled import layers, silenced


class WholeFaceObjective(Objective[Tensor]):
    """G draws whole faces from latents, D tells them from real ones (Goodfellow et al., 2014)."""

    def examples(self, crops: FaceCrops, indices: Sequence[int]) -> Tensor:
        """Real crops (N, 3, S, S), half of them mirrored."""
        real = crops.batch(indices)
        return augmentation.mirror(real, self._mirrored(len(real)))

    def discriminator_loss(self, batch: Tensor, fake: Tensor, penalty: float) -> Tensor:
        """Cross entropy plus R1; real (N, 3, S, S), fake (N, 3, S, S) -> scalar."""
        loss = losses.discriminator_loss(self._logits(batch), self._logits(fake.detach()))
        return loss + penalty * losses.gradient_penalty(self._logits, batch) if penalty else loss

    def generator_loss(self, batch: Tensor, fake: Tensor) -> Tensor:
        """The non-saturating loss of the fakes (N, 3, S, S) alone -> scalar."""
        return losses.generator_loss(self._logits(fake))

    def preview(self, network: FaceGenerator, z: Tensor, crops: FaceCrops) -> Tensor:
        """z (N, z_dim) -> whole faces (N, 3, S, S); ``crops`` are not needed."""
        return network(z)

    def _logits(self, images: Tensor) -> Tensor:
        shifted = self.processes.drawn(self._shifted, images)
        return self.D(shifted).float().flatten()

    def _shifted(self, images: Tensor) -> Tensor:
        return augmentation.translate(images, self.recipe.translation, self.random)


class DCGANObjective(WholeFaceObjective):
    """A DCGAN at 64 px, its D with spectral normalisation or, as in the original study, with batch norm."""

    splits: ClassVar[bool] = True

    @staticmethod
    def build(recipe: Recipe) -> tuple[FaceGenerator, FaceDiscriminator]:
        """New networks: only ``latent`` and ``norm`` are free."""
        return dcgan.Generator(recipe.latent), dcgan.Discriminator(norm=recipe.norm)

    @staticmethod
    def adapt(
        G: FaceGenerator, D: FaceDiscriminator, recipe: Recipe
    ) -> tuple[FaceGenerator, FaceDiscriminator]:
        """The same networks; weights files hold D without its spectral normalisation."""
        if isinstance(D, dcgan.Discriminator) and recipe.norm == "spectral":
            D.normalize()
        return G, D

    def generate(self, batch: Tensor) -> Tensor:
        """Real (N, 3, 64, 64) -> as many fakes (N, 3, 64, 64)."""
        z = self.G.sample_z(len(batch) * self.processes.count, self.random)
        return self.G(self.processes.share(z).to(batch.device))


class StyleGAN2Objective(WholeFaceObjective):
    """A StyleGAN2 that follows the mean of w while it learns, for truncation (Karras et al., 2019)."""

    G: stylegan2.Generator

    @staticmethod
    def build(recipe: Recipe) -> tuple[FaceGenerator, FaceDiscriminator]:
        """New networks, silenced where the recipe wants no noise."""
        config = layers(recipe)
        return silenced(stylegan2.Generator(config), recipe), stylegan2.Discriminator(config)

    @staticmethod
    def adapt(
        G: FaceGenerator, D: FaceDiscriminator, recipe: Recipe
    ) -> tuple[FaceGenerator, FaceDiscriminator]:
        """The same networks, silenced where the recipe wants no noise."""
        return silenced(G, recipe), D

    def generate(self, batch: Tensor) -> Tensor:
        """Real (N, 3, S, S) -> as many fakes (N, 3, S, S)."""
        w = self.G.mapping(self.G.sample_z(len(batch), self.random).to(batch.device))
        with torch.no_grad():
            self.G.mapping.w_avg.lerp_(w[:, 0].mean(0).float(), 0.005)
        return self.G.synthesis(w, "random" if self.recipe.noise else "none", self.noise)
