"""Semantic inpainting by latent search.

After Yeh et al., "Semantic Image Inpainting with Deep Generative Models" (CVPR 2017, arXiv 1607.07539):
find the latent whose image agrees with what is visible, and use its image for what is hidden.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from deid.generators import load_discriminator, load_encoder, load_generator
from deid.generators.encoder import Encoder
from deid.generators.interface import FaceGenerator
from deid.generators.weights import loading
from deid.inpainting import latent_spaces
from deid.inpainting.interface import MaskedFaces, Method, Step
from deid.inpainting.patience import Patience
from deid.inpainting.problem import Problem
from deid.inpainting.settings import Search


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
        self.weights, self.device = weights, device

    def files_for(self, search: Search) -> list[Path]:
        """Its networks, and for a warm search the encoder."""
        if not search.warm:
            return self.files
        assert self.encoder
        return [*self.files, loading.encoder_path(loading.locate(self.weights))]

    @cached_property
    def encoder(self) -> Encoder:
        """What a warm search begins with. Raises ``WeightsError`` where these weights have none."""
        return load_encoder(self.weights, self.device)

    def draw(self, faces: MaskedFaces, search: Search) -> Iterator[Step]:
        """One step an iteration. The pose is read from the visible pixels.

        Raises ``WeightsError`` where a warm search is asked for and the weights have no encoder.
        """
        encoder = self.encoder if search.warm else None
        return latent_search(self.generator, self.discriminator, faces, search, encoder)

    @torch.no_grad()
    def sample(self, z: Tensor, surroundings: Tensor) -> Tensor:
        """Whatever the network draws for z (N, z_dim) -> (N, 3, R, R); ``surroundings`` are not looked at."""
        del surroundings
        return torch.cat([self.generator(part).float() for part in z.split(64)]).clamp(-1, 1)


def latent_search(
    generator: FaceGenerator, discriminator: nn.Module, faces: MaskedFaces, settings: Search | None = None,
    encoder: Encoder | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Search all faces' latents in one batch; yields a ``Step`` per iteration, the last one is the result.

    Face f draws from ``faces.seeds[f]`` alone. With an ``encoder`` the search begins where that says.
    """
    settings = settings or Search()
    problem = Problem(latent_spaces.of(generator), discriminator, faces.crops, faces.visible, settings)
    first = problem.told(encoder, faces.seeds) if encoder else problem.best_of_bank(faces.seeds)
    current = first.requires_grad_(True)
    optimizer: torch.optim.Optimizer = torch.optim.Adam([current], lr=settings.learning_rate)
    parts: dict[str, Tensor] = {}
    patience = Patience(settings, len(faces))
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
