"""The hidden part of a face: the objective of a one-pass generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import losses
from deid.data.crops import FaceCrops
from deid.generators import onepass
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.photo import masks
from deid.training import augmentation
from deid.training.config import Recipe
from deid.training.objectives.base import Objective
from deid.training.objectives.styled import layers, silenced


@dataclass(frozen=True)
class MaskedBatch:
    """Faces that are partly hidden.

    ``crops`` (N, 3, S, S) are whole. ``visible`` (N, 1, S, S) is 1 where a pixel may be seen, 0 where it is
    hidden. ``given`` (N, 9, S, S) are the conditions that G sees (``onepass.conditions``).
    """

    crops: Tensor
    visible: Tensor
    given: Tensor

    def to(self, device: torch.device, **layout: Any) -> "MaskedBatch":
        """The same batch on another device, or in another memory layout."""
        return MaskedBatch(*(part.to(device, **layout) for part in (self.crops, self.visible, self.given)))

    def filled(self, drawn: Tensor) -> Tensor:
        """``drawn`` where the faces are hidden, the crops elsewhere; (N, 3, S, S) -> (N, 3, S, S)."""
        return self.crops * self.visible + drawn * (1 - self.visible)


def mask_faces(crops: Tensor, landmarks: Tensor, visible: Tensor) -> MaskedBatch:
    """Hide crops (N, 3, S, S) where ``visible`` (N, 1, S, S) is 0; landmarks (N, 5, 2) in frame pixels."""
    return MaskedBatch(crops, visible, onepass.conditions(crops, visible, landmarks))


class OnePassObjective(Objective[MaskedBatch]):
    """G draws what is hidden of a face, D compares the filled face with the whole one.

    D's verdict is one part of G's loss. Four more have weights in the recipe:

    - ``context``: visible pixels that G draws differently.
    - ``tone``: wrong light and skin where the face is hidden.
    - ``matching``: coarse features of D that differ (Wang et al., 2018, arXiv 1711.11585, eq. 3).
    - ``variety``: two latents that draw too similar faces (after Mao et al., 2019, arXiv 1903.05628).

    None of them asks for the hidden person's pixels, whose mean would be a blur.
    """

    previewed: ClassVar[int] = 96  # 32 faces, three latents each

    def __init__(
        self,
        recipe: Recipe,
        G: FaceGenerator,
        D: FaceDiscriminator,
        random: torch.Generator,
        noise: torch.Generator,
    ) -> None:
        if recipe.translation or recipe.noise:
            raise ValueError(
                "a one-pass recipe has neither translation nor noise: set translation=0, noise=False"
            )
        super().__init__(recipe, G, D, random, noise)
        # D's logits and features of the whole faces: D's loss computes them, G's loss needs them once more.
        self._of_whole_faces: tuple[Tensor, list[Tensor]] | None = None

    @staticmethod
    def build(recipe: Recipe) -> tuple[FaceGenerator, FaceDiscriminator]:
        """New networks without noise."""
        config = layers(recipe)
        return silenced(onepass.Generator(config), recipe), onepass.Discriminator(config)

    @staticmethod
    def adapt(
        G: FaceGenerator, D: FaceDiscriminator, recipe: Recipe
    ) -> tuple[FaceGenerator, FaceDiscriminator]:
        """The networks, grown where the recipe has more levels, and without noise."""
        config = layers(recipe)
        if isinstance(G, onepass.Generator) and len(config.channels) > len(G.config.channels):
            G = onepass.grow(G, config)
        if isinstance(D, onepass.Discriminator) and len(config.channels) > len(D.config.channels):
            D = onepass.grow(D, config)
        return silenced(G, recipe), D

    def examples(self, crops: FaceCrops, indices: Sequence[int]) -> MaskedBatch:
        """Real faces, half of them mirrored, some blurred like small ones, each with a random part hidden."""
        real, landmarks = crops.batch(indices), crops.landmarks[torch.as_tensor(indices)]
        size, mirrored = real.shape[3], self._mirrored(len(real))
        real = augmentation.mirror(real, mirrored)
        landmarks = augmentation.mirror_landmarks(landmarks, mirrored, size)
        real = augmentation.enlarge(real, self.recipe.enlarged, self.random)
        visible = [augmentation.random_hole(points, size, self.random) for points in landmarks]
        return mask_faces(real, landmarks, torch.cat(visible))

    def generate(self, batch: MaskedBatch) -> Tensor:
        """N masked faces -> whole frames (N, 3, S, S), the visible part drawn as well."""
        z = self.G.sample_z(len(batch.crops), self.random).to(batch.crops.device)
        return self.G(z, batch.given)

    def discriminator_loss(self, batch: MaskedBatch, fake: Tensor, penalty: float) -> Tensor:
        """The relativistic loss of whole faces against filled ones, plus R1; fake (N, 3, S, S) -> scalar.

        R1 is taken at real and at filled faces, as by Huang et al. (2024, arXiv 2501.05441).
        """
        filled = batch.filled(fake).detach()
        logits, features = self.D(torch.cat([batch.crops, filled]), batch.given.repeat(2, 1, 1, 1))
        of_whole, of_filled = logits.flatten().chunk(2)
        self._of_whole_faces = of_whole.detach(), [part.chunk(2)[0].detach() for part in features]
        loss = losses.relativistic_loss(of_whole, of_filled)
        if not penalty:
            return loss
        for images in (batch.crops, filled):
            loss = loss + penalty * losses.gradient_penalty(
                lambda faces: self.D(faces, batch.given)[0], images
            )
        return loss

    def generator_loss(self, batch: MaskedBatch, fake: Tensor) -> Tensor:
        """D's verdict and the four weighted losses; fake (N, 3, S, S) -> scalar."""
        if self._of_whole_faces is None:
            raise ValueError(
                "discriminator_loss of the same batch comes first: it keeps what D sees in whole faces"
            )
        recipe, filled, (of_whole, wanted) = self.recipe, batch.filled(fake), self._of_whole_faces
        logits, features = self.D(filled, batch.given)
        differences = [F.l1_loss(a.float(), b.float()) for a, b in zip(features, wanted, strict=True)]
        context = losses.contextual_loss(fake, batch.crops, losses.context_weights(batch.visible)).mean()
        loss = losses.relativistic_loss(logits.flatten(), of_whole) + recipe.context * context
        loss = loss + recipe.tone * losses.tone_difference(filled, batch.crops)
        loss = loss + recipe.matching * torch.stack(differences[-3:]).mean()
        return loss + recipe.variety * self._variety_loss(batch, fake)

    def preview(self, network: FaceGenerator, z: Tensor, crops: FaceCrops, truncation: float = 1.0) -> Tensor:
        """The first 32 of ``crops``, their faces hidden and drawn anew: z (N, z_dim) -> (N, 3, S, S).

        The first 32 latents are for these faces in order, so are the next 32, and so on.
        """
        indices = torch.arange(len(z)) % min(len(crops), 32)
        landmarks, real = crops.landmarks[indices], crops.batch(indices)
        visible = torch.cat([masks.frame_mask("face", points, real.shape[3]) for points in landmarks])
        batch = mask_faces(real, landmarks, visible).to(z.device)
        return batch.filled(network(z, batch.given, truncation))

    def _variety_loss(self, batch: MaskedBatch, fake: Tensor, enough: float = 0.06) -> Tensor:
        """How much less than ``enough`` an eighth of the faces change with z, where they are hidden; scalar.

        The change is the mean absolute difference of ``losses.facial_detail``. ``enough`` is about half of
        the difference between two people.
        """
        few = max(1, len(fake) // 8)
        z = self.G.sample_z(few, self.random).to(fake.device)
        hidden = F.adaptive_avg_pool2d(1 - batch.visible[:few], 32)
        other = self.G(z, batch.given[:few])
        detail, other_detail = losses.facial_detail(fake[:few]), losses.facial_detail(other)
        return F.relu(enough - losses.contextual_loss(other_detail, detail, hidden)).mean()
