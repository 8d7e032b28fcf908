"""How an encoder is trained, which tells a search where to begin: on faces that its generator draws.

No photo is needed. A face is drawn, a hole is cut into it, and from what is visible the encoder is to tell
the latent. What the generator draws from that has to agree around the hole, as in the search itself.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deid import storage
from deid.generators import WeightsError, load_generator
from deid.generators.encoder import SIDE, Encoder
from deid.generators.weights import files, loading
from deid.losses import context_weights, contextual_loss, prior_loss
from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.choices import OUTLINES
from deid.training import checkpoints

CHECKPOINT_EVERY = 100  # steps
HOLES = 600
ASTRAY = 1.2  # pixels: how far landmarks are from those of the mean face, together and one by one
LATENT, PRIOR = 0.1, 0.05  # weights beside the contextual loss


@dataclass(frozen=True)
class EncoderRecipe:
    """``images`` drawn in all, in batches of ``batch``; Adam at ``learning_rate``, which falls to zero over
    the second half. ``weights`` name the generator.
    """

    images: int = 200_000
    batch: int = 64
    learning_rate: float = 1e-3
    weights: str = "dcgan-64"
    seed: int = 0


class EncoderTraining:
    """Encoder, optimiser and random state of one run. Raises ``WeightsError`` for other generators."""

    def __init__(self, recipe: EncoderRecipe) -> None:
        self.recipe, self.images = recipe, 0
        self.generator = load_generator(recipe.weights)
        if self.generator.latent_space != "z" or self.generator.resolution != SIDE:
            raise WeightsError(
                f"{recipe.weights}: a {self.generator.family} network; an encoder is for a DCGAN"
            )
        torch.manual_seed(recipe.seed)  # layer initialisation takes no generator
        self.network = Encoder(self.generator.z_dim).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), recipe.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.holes = holes(torch.Generator().manual_seed(recipe.seed))

    def step(self) -> float:
        """One update -> the contextual loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * min(1.0, 2 - 2 * self.images / self.recipe.images)
        z = self.generator.sample_z(self.recipe.batch, self.random)
        visible = self.holes[torch.randint(len(self.holes), (len(z),), generator=self.random)]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            faces = self.generator(z).float()
        with torch.autocast("cpu", torch.bfloat16):
            told = self.network(faces, visible).float()
            drawn = self.generator(told).float()
        context = contextual_loss(drawn, faces * visible, context_weights(visible)).mean()
        loss = context + LATENT * (told - z).square().mean() + PRIOR * prior_loss(told[:, None]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.images += self.recipe.batch
        return context.item()

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped."""
        parts = {name: getattr(self, name).state_dict() for name in ("network", "optimizer")}
        return parts | {"random": self.random.get_state(), "images": self.images}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        for name in ("network", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.images = state["images"]


def holes(random: torch.Generator) -> Tensor:
    """What is visible around faces whose landmarks lie near the mean ones: (600, 1, 64, 64) as 0 or 1."""
    points, names, found = DCGAN_FRAME.resized(SIDE).points(), list(OUTLINES), []
    for k in range(HOLES):
        moved = points + ASTRAY * (torch.randn(5, 2, generator=random) + torch.randn(1, 2, generator=random))
        found.append(masks.frame_mask(names[k % len(names)], moved.double(), SIDE))
    return torch.cat(found)


def train(recipe: EncoderRecipe, run: str | Path, seconds: float = math.inf) -> Iterator[tuple[int, float]]:
    """Train into the folder ``run``, going on from its checkpoint; yields images drawn and the loss.

    Stops after so many ``seconds``; a later call goes on as if it had not. Raises as ``loop.train`` does.
    """
    run, training = Path(run), EncoderTraining(recipe)
    with checkpoints.resumed(training, recipe, run):
        deadline, last = time.monotonic() + seconds, training.images >= recipe.images
        while not last:
            loss = training.step()
            last = training.images >= recipe.images or time.monotonic() >= deadline
            checkpoints.append({"images": training.images, "loss": loss}, run)
            if last or training.images // recipe.batch % CHECKPOINT_EVERY == 0:
                checkpoints.save_checkpoint(training.state(), run)
            yield training.images, loss


def export(run: str | Path, path: str | Path = "") -> Path:
    """Write a run's encoder in half precision, beside its generator where no ``path`` is given -> the path.

    Its file names the generator, by sha256. Raises as ``exports.export`` does.
    """
    state = checkpoints.load_checkpoint(run)
    if state is None:
        raise ValueError(
            f"{Path(run) / checkpoints.CHECKPOINT}: missing; train the network into this folder first"
        )
    recipe = checkpoints.read_recipe(run)
    generator = loading.locate(recipe["weights"])
    path = Path(path or loading.encoder_path(generator))
    facts = {"role": "encoder", "recipe": recipe, "generator": storage.sha256(generator)}
    with checkpoints.reading(Path(run) / checkpoints.CHECKPOINT):
        network, facts["images_seen"] = state["network"], state["images"]
    files.write(path, network, facts)
    return path
