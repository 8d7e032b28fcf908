"""Semantic inpainting by latent search.

After Yeh et al., "Semantic Image Inpainting with Deep Generative Models" (CVPR 2017, arXiv 1607.07539):
find the latent whose image agrees with what is visible, and use its image for what is hidden.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deid.generators import load_discriminator, load_generator
from deid.generators.interface import FaceGenerator
from deid.generators.weights import loading
from deid.inpainting import latent_spaces
from deid.inpainting.interface import MaskedFaces, Method, Step
from deid.inpainting.settings import Search
from deid.losses import context_weights, contextual_loss, perceptual_loss, prior_loss

PIXELS_AT_ONCE = 512 * 1024  # of latents' images: what a forward and backward pass keeps in memory


class LatentSearch(Method):
    """A generator's latents are searched for a face that fits, with its discriminator as a judge."""

    iterative, smooth_rim, truncates = True, False, False

    def __init__(self, weights: str | Path, device: str = "cpu") -> None:
        path = loading.locate(weights)
        self.generator, self.discriminator = (
            load_generator(weights, device),
            load_discriminator(weights, device),
        )
        self.files = [file for file in (path, loading.discriminator_path(path)) if file.is_file()]

    def draw(self, faces: MaskedFaces, search: Search) -> Iterator[Step]:
        """One step an iteration. The pose is read from the visible pixels."""
        return latent_search(self.generator, self.discriminator, faces, search)

    @torch.no_grad()
    def sample(self, z: Tensor, surroundings: Tensor) -> Tensor:
        """Whatever the network draws for z (N, z_dim) -> (N, 3, R, R); ``surroundings`` are not looked at."""
        del surroundings
        return torch.cat([self.generator(part).float() for part in z.split(64)]).clamp(-1, 1)


def latent_search(
    generator: FaceGenerator, discriminator: nn.Module, faces: MaskedFaces, settings: Search | None = None
) -> Iterator[Step]:
    """Search all faces' latents in one batch; yields a ``Step`` per iteration, the last one is the result.

    Face f draws from ``faces.seeds[f]`` alone.
    """
    settings = settings or Search()
    problem = _Problem(latent_spaces.of(generator), discriminator, faces.crops, faces.visible, settings)
    current = problem.best_of_bank(faces.seeds).requires_grad_(True)
    optimizer: torch.optim.Optimizer = torch.optim.Adam([current], lr=settings.learning_rate)
    parts: dict[str, Tensor] = {}
    patience = _Patience(settings, len(faces))
    for iteration in range(settings.iterations):
        if settings.survivors(iteration) < current.shape[1]:
            current, optimizer = _drop(current, optimizer, parts["total"], settings.survivors(iteration))
        optimizer.zero_grad(set_to_none=True)
        images, parts = problem.evaluate(current)
        step = _step(iteration, current, images, parts)
        optimizer.param_groups[0]["lr"] = settings.rate(iteration)
        optimizer.step()
        patience.hold(current, parts["total"], iteration)
        yield step
        if patience.exhausted:
            break
    yield _step(iteration + 1, current, *problem.evaluate(current.detach()))


@dataclass
class _Problem:
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


class _Patience:
    """Early stopping for each face: the latents of a face that is done stay as they were then."""

    def __init__(self, settings: Search, count: int) -> None:
        self.settings = settings
        self.best, self.since = torch.full((count,), math.inf), torch.zeros(count, dtype=torch.long)
        self.done = torch.zeros(count, dtype=torch.bool)
        self.latents: Tensor | None = None

    @property
    def exhausted(self) -> bool:
        """Whether no face gets any better."""
        return bool(self.done.all())

    @torch.no_grad()
    def hold(self, current: Tensor, loss: Tensor, iteration: int) -> None:
        """Look at the losses (F, K) of a step, and put the latents of faces that were done before it back."""
        if not self.settings.patience or iteration < self.settings.iterations * 0.5:
            return
        if self.latents is not None:
            current[self.done] = self.latents[self.done]
        least = loss.amin(1).cpu()
        better = least < 0.99 * self.best
        self.best = torch.where(better, least, self.best)
        self.since = torch.where(better, 0, self.since + 1)
        self.done |= self.since >= self.settings.patience
        self.latents = current.clone()


def _drop(
    current: Tensor, optimizer: torch.optim.Optimizer, loss: Tensor, keep: int
) -> tuple[Tensor, torch.optim.Optimizer]:
    """The best ``keep`` latents of each face by ``loss`` (F, K), and an optimiser that has their moments."""
    order = loss.argsort(dim=1, stable=True)[:, :keep, None, None].expand(-1, -1, *current.shape[2:])
    best = current.detach().gather(1, order).requires_grad_(True)
    following = torch.optim.Adam([best], lr=optimizer.param_groups[0]["lr"])
    state = optimizer.state[current]
    following.state[best] = {
        "step": state["step"].clone(),
        "exp_avg": state["exp_avg"].gather(1, order),
        "exp_avg_sq": state["exp_avg_sq"].gather(1, order),
    }
    return best, following


def _step(iteration: int, current: Tensor, images: Tensor, parts: dict[str, Tensor]) -> Step:
    best = parts["total"].argmin(1)
    rows = torch.arange(len(best), device=best.device)
    losses = {name: value[rows, best] for name, value in parts.items()}
    return Step(iteration, losses, images[rows, best], images, current.detach().clone())
