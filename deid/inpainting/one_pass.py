"""Drawing in one pass: a generator that is shown what is visible answers at once."""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.generators import load_generator, onepass
from deid.generators.weights import loading
from deid.inpainting.interface import MaskedFaces, Method, Step
from deid.inpainting.settings import TRUNCATION, Search
from deid.losses import context_weights, contextual_loss
from deid.photo import masks


class OnePass(Method):
    """A conditional generator draws each face from the visible pixels, the landmarks and a latent."""

    iterative, smooth_rim, truncates = False, True, True

    def __init__(self, weights: str | Path, device: str = "cpu") -> None:
        self.generator, self.files = load_generator(weights, device), [loading.locate(weights)]

    @torch.no_grad()
    def draw(self, faces: MaskedFaces, search: Search | None = None) -> Iterator[Step]:
        """The only step is the result. Face f's latent comes from ``faces.seeds[f]`` alone."""
        del search
        if faces.landmarks is None:
            raise ValueError("drawing in one pass needs the landmarks of each face")
        drawn = [self.generator.sample_z(1, torch.Generator().manual_seed(seed)) for seed in faces.seeds]
        z = torch.cat(drawn).to(faces.crops.device)
        reach = torch.as_tensor(faces.truncation, device=z.device).expand(len(faces))[:, None]
        images = self.generator(z, onepass.conditions(faces.crops, faces.visible, faces.landmarks), reach)
        losses = {"contextual": contextual_loss(images, faces.crops, context_weights(faces.visible))}
        yield Step(0, losses, images, images[:, None], z[:, None, None])

    @torch.no_grad()
    def sample(self, z: Tensor, surroundings: Tensor) -> Tensor:
        """The faces of ``surroundings`` (K, 3, S, S), hidden and drawn for z (N, z_dim) -> (N, 3, R, R)."""
        count, size, points = len(z), self.generator.resolution, self.frame.points()
        around = F.interpolate(surroundings, (size, size), mode="bicubic").clamp(-1, 1)
        around = around[torch.arange(count) % len(surroundings)]
        visible = masks.frame_mask("face", points, size).expand(count, -1, -1, -1)
        given = onepass.conditions(around, visible, points.expand(count, 5, 2))
        drawn = [
            self.generator(*parts, TRUNCATION) for parts in zip(z.split(64), given.split(64), strict=True)
        ]
        return (around * visible + torch.cat(drawn) * (1 - visible)).clamp(-1, 1)
