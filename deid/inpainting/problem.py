"""What a latent search minimises, and where it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deid.generators.encoder import Encoder
from deid.inpainting import latent_spaces
from deid.inpainting.settings import Search
from deid.losses import context_weights, contextual_loss, perceptual_loss, prior_loss

NEAR = 0.3  # deviations of a latent: how far a warm search's other starts lie from what an encoder tells
PIXELS_AT_ONCE = 512 * 1024  # of latents' images: what a forward and backward pass keeps in memory


@dataclass
class Problem:
    """What a search minimises, for F faces at once: ``target`` (F, 3, S, S) with nothing in the holes."""

    space: latent_spaces.LatentSpace
    discriminator: Any
    target: Tensor
    visible: Tensor
    settings: Search

    def __post_init__(self) -> None:
        self.weights = context_weights(self.visible)
        self.prior = self.space.prior if self.settings.prior is None else self.settings.prior
        # Memory grows with pixels times latents: 128 at 64 px, 8 at 256 px, one at 1024 px.
        self.at_once = max(1, PIXELS_AT_ONCE // self.target[0, 0].numel())

    @torch.no_grad()
    def best_of_bank(self, seeds: Sequence[int]) -> Tensor:
        """The ``starts`` latents of each face that already agree best with what is visible, (F, K, L, d)."""
        chosen = []
        for face, seed in enumerate(seeds):
            count = self.settings.starts * max(1, self.settings.bank)
            drawn = self.space.draw(count, torch.Generator().manual_seed(seed)).to(self.target.device)
            if self.settings.bank == 0:  # close to the mean; exactly there all would go the same way
                chosen.append(0.1 * drawn)
                continue
            target, weights = self.target[face], self.weights[face]
            loss = torch.cat(
                [contextual_loss(self._decode(part), target, weights) for part in drawn.split(self.at_once)]
            )
            chosen.append(drawn[loss.argsort(stable=True)[: self.settings.starts]])
        return torch.stack(chosen)

    @torch.no_grad()
    def told(self, encoder: Encoder, seeds: Sequence[int]) -> Tensor:
        """For each face the latent that an encoder tells, and ``starts`` - 1 near it, (F, K, 1, d)."""
        latents, near = encoder(self.target, self.visible), []
        for seed in seeds:
            random = torch.Generator().manual_seed(seed)
            drawn = NEAR * torch.randn(self.settings.starts, encoder.z_dim, generator=random)
            near.append(drawn.index_fill(0, torch.tensor([0]), 0))
        return (latents[:, None] + torch.stack(near).to(latents))[:, :, None]

    def evaluate(self, current: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Images (F, K, 3, S, S) of latents (F, K, L, d) and their losses by name, each (F, K).

        Where gradients are wanted, the total's is added to ``current.grad``, part after part.
        """
        faces = torch.arange(len(current), device=current.device).repeat_interleave(current.shape[1])
        images, losses = [], []
        for part, face in zip(
            current.flatten(0, 1).split(self.at_once), faces.split(self.at_once), strict=True
        ):
            drawn, parts = self._losses(part, face)
            if part.requires_grad:
                parts["total"].sum().backward()
            images.append(drawn.detach())
            losses.append({name: value.detach() for name, value in parts.items()})
        shape = current.shape[:2]
        together = {
            name: torch.cat([part[name] for part in losses]).unflatten(0, shape) for name in losses[0]
        }
        return torch.cat(images).unflatten(0, shape), together

    def _losses(self, part: Tensor, face: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(part.device.type, torch.bfloat16):
            images = self.space.decode(part)
            logits = self.discriminator.logit_of_each(images).float().flatten()
        images = images.float()
        parts = {
            "contextual": contextual_loss(images, self.target[face], self.weights[face]),
            "perceptual": self.settings.perceptual * perceptual_loss(logits),
            "prior": self.prior * prior_loss(part),
        }
        return images, parts | {"total": torch.stack(list(parts.values())).sum(0)}

    def _decode(self, part: Tensor) -> Tensor:
        with torch.autocast(part.device.type, torch.bfloat16):
            return self.space.decode(part).float()
