"""How the network that joins references to photos is trained: faces are disturbed, and it puts them back.

Half of the references are the hidden face itself under another light, moved and bent: the network has to find
that light from the skin that is seen, and to draw what lies between the reference and the edge of the hole.
The others are another person's face: there, it has to find the tone and the light that the hidden face had,
as far as they are smooth, and leave the reference's features. A discriminator, at first that of version 3,
asks for the rest.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import losses, storage
from deid.data.crops import FaceCrops
from deid.generators import load_discriminator, onepass
from deid.generators.weights import files
from deid.photo import masks
from deid.photo.blending import gaussian
from deid.references import refining
from deid.references.refining import Refiner
from deid.training import checkpoints
from deid.training.ema import update_average
from deid.training.refining_examples import RefiningBatch, RefiningRecipe, draw_batch, make_examples

CHECKPOINT_EVERY = 100  # steps
EXAMPLES = "examples.safetensors"
JUDGE = "onepass-128"
PENALTY, PENALTY_EVERY = 0.5, 16  # R1, as in version 3's recipe
AVERAGE = 0.999
OWN_CELLS, OTHER_CELLS = (1, 4, 16), (16, 32)  # sides of the squares whose means are compared, in pixels
RIM = 2.0  # how much more what lies along the edges of hole and reference counts: there, an error is a line
FINE = 4.0  # pixels: detail of another person is finer than this and stays
FEATURES, DETAIL, CONTEXT = 0.5, 1.0, 0.5  # weights of losses


class RefiningTraining:
    """Networks, optimisers and random state of one run: everything a checkpoint holds."""

    def __init__(self, recipe: RefiningRecipe) -> None:
        self.recipe, self.images = recipe, 0
        torch.manual_seed(recipe.seed)  # layer initialisation takes no generator
        layout: Any = {"memory_format": torch.channels_last}
        self.network, self.average = Refiner().to(**layout), Refiner().to(**layout).requires_grad_(False)
        if recipe.start:
            self.network.load_state_dict(refining.read(recipe.start))
        self.average.load_state_dict(self.network.state_dict())
        self.judge = load_discriminator(JUDGE).requires_grad_(True).train().to(**layout)
        self.optimizer = torch.optim.Adam(self.network.parameters(), recipe.learning_rate, fused=True)
        self.optimize_judge = torch.optim.Adam(
            self.judge.parameters(), recipe.learning_rate / 2, betas=(0.0, 0.99), fused=True
        )
        self.random = torch.Generator().manual_seed(recipe.seed)

    def step(self, examples: dict[str, Tensor]) -> float:
        """One update -> the network's loss."""
        batch = draw_batch(examples, self.recipe, self.random)
        self._set_learning_rate()
        given = refining.conditions(batch.faces, batch.visible, batch.references, batch.weight)
        made = self.network(given.to(memory_format=torch.channels_last))
        loss = refining_loss(made, batch)
        if self.images >= self.recipe.alone:
            loss = loss + self._verdict(made, batch)
        _update(self.optimizer, loss)
        self.images += self.recipe.batch
        steps = self.images // self.recipe.batch
        update_average(self.average, self.network, min(AVERAGE, (1 + steps) / (10 + steps)))
        return loss.item()

    def _verdict(self, made: Tensor, batch: RefiningBatch) -> Tensor:
        """What the discriminator, after an update of its own, says of filled faces; scalar."""
        few = slice(self.recipe.batch // 2)  # a judge costs more than the network
        batch, made = batch.part(few), made[few]
        filled = batch.faces * batch.visible + made * (1 - batch.visible)
        known = onepass.conditions(batch.faces, batch.visible, batch.landmarks)
        logits, _ = self.judge(torch.cat([batch.faces, filled.detach()]), known.repeat(2, 1, 1, 1))
        loss = losses.relativistic_loss(*logits.flatten().chunk(2))
        if self.images // self.recipe.batch % PENALTY_EVERY == 0:
            for images in (batch.faces, filled.detach()):
                penalty = losses.gradient_penalty(lambda faces: self.judge(faces, known)[0], images)
                loss = loss + PENALTY * PENALTY_EVERY * penalty
        _update(self.optimize_judge, loss)
        self.judge.requires_grad_(False)
        with torch.no_grad():
            real, wanted = self.judge(batch.faces, known)
        logits, features = self.judge(filled, known)
        self.judge.requires_grad_(True)
        apart = [
            (a - b)[batch.own].abs().mean() if batch.own.any() else a.sum() * 0
            for a, b in zip(features, wanted, strict=True)
        ]
        verdict = losses.relativistic_loss(logits.flatten(), real.flatten())
        return self.recipe.verdict * verdict + FEATURES * torch.stack(apart).mean()

    def _set_learning_rate(self) -> None:
        progress = torch.tensor(torch.pi * min(1.0, self.images / self.recipe.images))
        share = (1 + progress.cos().item()) / 2
        for optimizer, whole in ((self.optimizer, 1.0), (self.optimize_judge, 0.5)):
            for group in optimizer.param_groups:
                group["lr"] = whole * self.recipe.learning_rate * share

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped."""
        names = ("network", "average", "judge", "optimizer", "optimize_judge")
        parts = {name: getattr(self, name).state_dict() for name in names}
        return parts | {"random": self.random.get_state(), "images": self.images}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        for name in ("network", "average", "judge", "optimizer", "optimize_judge"):
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.images = state["images"]


def train(
    crops: FaceCrops, recipe: RefiningRecipe, run: str | Path, seconds: float = math.inf
) -> Iterator[tuple[int, float]]:
    """Train into the folder ``run``, going on from its checkpoint; yields images seen and the loss.

    Stops after so many ``seconds``; a later call goes on as if it had not. Raises as ``loop.train`` does.
    """
    run, training = Path(run), RefiningTraining(recipe)
    with checkpoints.resumed(training, recipe, run):
        examples = storage.cached(run / EXAMPLES, lambda: make_examples(crops))
        deadline, last = time.monotonic() + seconds, training.images >= recipe.images
        while not last:
            loss = training.step(examples)
            last = training.images >= recipe.images or time.monotonic() >= deadline
            checkpoints.append({"images": training.images, "loss": loss}, run)
            if last or training.images // recipe.batch % CHECKPOINT_EVERY == 0:
                checkpoints.save_checkpoint(training.state(), run)
            yield training.images, loss


def export(run: str | Path, path: str | Path = refining.WEIGHTS) -> Path:
    """Write a run's averaged network to ``path`` in half precision. Raises as ``exports.export`` does."""
    state = checkpoints.load_checkpoint(run)
    if state is None:
        raise ValueError(
            f"{Path(run) / checkpoints.CHECKPOINT}: missing; train the network into this folder first"
        )
    facts = {"role": "refiner", "recipe": checkpoints.read_recipe(run)}
    with checkpoints.reading(Path(run) / checkpoints.CHECKPOINT):
        average, facts["images_seen"] = state["average"], state["images"]
    files.write(path, average, facts)
    return Path(path)


def refining_loss(made: Tensor, batch: RefiningBatch) -> Tensor:
    """How far drawn frames (N, 3, 128, 128) are from what they should be, by pixels -> scalar."""
    hole = 1 - batch.visible
    edges = masks.dilate(batch.weight, 3) * masks.dilate(1 - batch.weight, 3) * hole
    edges = torch.maximum(edges, masks.dilate(batch.visible, 3) * hole)
    importance, total = hole * (1 + RIM * edges), torch.zeros(())
    for chosen, cells in ((batch.own, OWN_CELLS), (~batch.own, OTHER_CELLS)):
        if not chosen.any():
            continue
        counts = importance[chosen] if cells is OWN_CELLS else hole[chosen]
        for cell in cells:
            wanted, found = (_fields(images[chosen], counts, cell) for images in (batch.faces, made))
            share = F.avg_pool2d(counts, cell)
            apart = ((found - wanted).abs() * share).sum() / (3 * share.sum()).clamp(min=1e-3)
            total = total + apart * chosen.float().mean()
    near = losses.context_weights(batch.visible)
    total = total + CONTEXT * losses.contextual_loss(made, batch.faces, near).mean()
    return total + DETAIL * _detail_loss(made, batch)


def _detail_loss(made: Tensor, batch: RefiningBatch) -> Tensor:
    """How far the detail of what is drawn is from the reference's, where another person is shown; scalar.

    Detail is scaled with the light, as multiplication by light does.
    """
    inside = 1 - masks.dilate(1 - batch.weight, 2)
    share = gaussian(batch.weight, FINE).clamp(min=1e-3)
    lows = [gaussian((part + 1) * batch.weight, FINE) / share for part in (made, batch.references)]
    light = (lows[0].mean(1, keepdim=True) / lows[1].mean(1, keepdim=True).clamp(min=0.04)).clamp(0.08, 1.5)
    wanted = light.detach() * (batch.references + 1 - lows[1])
    apart = (made + 1 - lows[0] - wanted).abs() * inside
    chosen = (~batch.own).float()
    return (apart.sum((1, 2, 3)) / (3 * inside.sum((1, 2, 3))).clamp(min=1) * chosen).mean()


def _fields(images: Tensor, weight: Tensor, cell: int) -> Tensor:
    """Means over squares of ``cell`` pixels, inside ``weight`` only."""
    return F.avg_pool2d(images * weight, cell) / F.avg_pool2d(weight, cell).clamp(min=1e-3)


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
    optimizer.step()
