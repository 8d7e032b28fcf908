"""How the network that relights references is trained: faces are disturbed, and it puts them back.

Half of the references are the hidden face itself under another light: the network has to find that light from
the skin that is seen. The others are another person's face: there, it has to find the tone and the light that
the hidden face had, as far as they are smooth. A version 3 guess is in the hole as it is at use, dark patches
included; the network learns how far to believe it.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import storage
from deid.data.crops import FaceCrops
from deid.generators.weights import files
from deid.photo import masks
from deid.photo.colour import lab
from deid.references import relighting
from deid.references.relighting import Relighter
from deid.training import checkpoints
from deid.training.relighting_examples import RelightingBatch, RelightingRecipe, draw_batch, make_examples

CHECKPOINT_EVERY = 100  # steps
EXAMPLES = "examples.safetensors"
OWN_CELLS, OTHER_CELLS = (2, 8), (4, 8)  # sides of the squares whose means are compared, in pixels of 32
DARK = 0.2  # weight of coded values, whose gradient does not end at black and white
RIM = 2.0  # how much more what lies along the hole counts: there, an error is a line


class RelightingTraining:
    """Network, optimiser and random state of one run: everything a checkpoint holds."""

    def __init__(self, recipe: RelightingRecipe) -> None:
        self.recipe, self.images = recipe, 0
        torch.manual_seed(recipe.seed)  # layer initialisation takes no generator
        self.network = Relighter().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.network.parameters(), recipe.learning_rate, fused=True)
        self.random = torch.Generator().manual_seed(recipe.seed)

    def step(self, examples: dict[str, Tensor]) -> float:
        """One update -> the loss."""
        batch = draw_batch(examples, self.recipe, self.random)
        progress = torch.tensor(torch.pi * self.images / self.recipe.images)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * (1 + progress.cos().item()) / 2
        gains = self.network(batch.given.to(memory_format=torch.channels_last))
        loss = relighting_loss(relighting.relit(batch.references, gains), batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.images += self.recipe.batch
        return loss.item()

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped."""
        parts = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        return parts | {"random": self.random.get_state(), "images": self.images}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.images = state["images"]


def train(
    crops: FaceCrops, recipe: RelightingRecipe, run: str | Path, seconds: float = math.inf
) -> Iterator[tuple[int, float]]:
    """Train into the folder ``run``, going on from its checkpoint; yields images seen and the loss.

    Stops after so many ``seconds``; a later call goes on as if it had not. Raises as ``loop.train`` does.
    """
    run, training = Path(run), RelightingTraining(recipe)
    checkpoints.write_recipe(asdict(recipe), run, asdict(RelightingRecipe()))
    examples = storage.cached(run / EXAMPLES, lambda: make_examples(crops, recipe.seed))
    if (state := checkpoints.load_checkpoint(run)) is not None:
        training.load_state(state)
    checkpoints.rewind(training.images, run)
    deadline, last = time.monotonic() + seconds, training.images >= recipe.images
    while not last:
        loss = training.step(examples)
        last = training.images >= recipe.images or time.monotonic() >= deadline
        checkpoints.append({"images": training.images, "loss": loss}, run)
        if last or training.images // recipe.batch % CHECKPOINT_EVERY == 0:
            checkpoints.save_checkpoint(training.state(), run)
        yield training.images, loss


def export(run: str | Path, path: str | Path = relighting.WEIGHTS) -> Path:
    """Write a run's network to ``path`` in half precision. Raises as ``loop.export`` does."""
    state = checkpoints.load_checkpoint(run)
    if state is None:
        raise ValueError(
            f"{Path(run) / checkpoints.CHECKPOINT}: missing; train the network into this folder first"
        )
    facts = {"role": "relighter", "images_seen": state["images"], "recipe": checkpoints.read_recipe(run)}
    files.write(path, state["network"], facts)
    return Path(path)


def relighting_loss(made: Tensor, batch: RelightingBatch) -> Tensor:
    """How far relit references (N, 3, 32, 32) are from the faces: L*a*b* / 100 at two scales -> scalar."""
    importance = batch.weight * (1 + RIM * masks.dilate(1 - batch.weight, 2))
    total = torch.zeros(())
    for chosen, cells in ((batch.own, OWN_CELLS), (~batch.own, OTHER_CELLS)):
        counts = importance[chosen]
        for cell in cells:
            wanted, found = (_fields(images[chosen], counts, cell) for images in (batch.faces, made))
            share = F.avg_pool2d(counts, cell)
            apart = (lab(found) - lab(wanted)).abs() / 100 + DARK * (found - wanted).abs()
            total = total + (apart * share).sum() / share.sum().clamp(min=1e-3) * chosen.float().mean()
    return total


def _fields(images: Tensor, weight: Tensor, cell: int) -> Tensor:
    """Means over squares of ``cell`` pixels, inside ``weight`` only."""
    return F.avg_pool2d(images * weight, cell) / F.avg_pool2d(weight, cell).clamp(min=1e-3)
