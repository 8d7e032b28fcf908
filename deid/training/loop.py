"""Adversarial training: one loop for every objective, with exact resume."""

import contextlib
import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deid.data.crops import FaceCrops
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.training import checkpoints, networks
from deid.training.config import Recipe, Schedule
from deid.training.ema import recalibrate, update_average
from deid.training.objectives import objective_of
from deid.training.processes import ALONE, Alone


@dataclass(frozen=True)
class TrainingStep:
    """One training step: real images seen so far, losses by name, now and then a preview (N, 3, S, S)."""

    images: int
    losses: dict[str, float]
    preview: Tensor | None = None


class Training:
    """Networks, optimisers and the random state of one run: everything a checkpoint holds.

    Raises ``ValueError`` where ``processes`` cannot share a batch.
    """

    def __init__(self, recipe: Recipe, device: str = "cpu", processes: Alone = ALONE) -> None:
        self.recipe, self.device, self.processes = recipe, torch.device(device), processes
        processes.check(recipe.batch, recipe.family, objective_of(recipe.family).splits)
        torch.manual_seed(recipe.seed)  # layer initialisation takes no generator
        G, D, self.images = networks.start(recipe)
        self.G: FaceGenerator = G.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.D: FaceDiscriminator = D.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        # The average is for drawing, which process 0 does alone.
        self.G, self.D = processes.synchronized(self.G), processes.synchronized(self.D)  # type: ignore[assignment]
        options: dict[str, Any] = {"lr": recipe.learning_rate, "betas": (recipe.beta1, recipe.beta2)}
        options["fused"] = True
        self.optimize_G = torch.optim.Adam(self.G.parameters(), **options)
        self.optimize_D = torch.optim.Adam(self.D.parameters(), **options)
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.noise = torch.Generator(self.device).manual_seed(recipe.seed)
        self.objective = objective_of(recipe.family)(recipe, self.G, self.D, self.random, self.noise)
        self.objective.processes = processes

    @property
    def steps(self) -> int:
        """Updates made so far."""
        return self.images // self.recipe.batch

    def step(self, batch: Any) -> dict[str, float]:
        """One update of D, one of G, one of the average, on what ``batch`` gave -> losses by name."""
        self._set_learning_rate()
        batch = self.processes.share(batch).to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            fake = self.objective.generate(batch)
            loss_D = self.objective.discriminator_loss(batch, fake, self._penalty())
        self._update(self.optimize_D, loss_D)
        # G's step needs D's gradient with respect to its input only.
        self.D.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            loss_G = self.objective.generator_loss(batch, fake)
        self._update(self.optimize_G, loss_G)
        self.D.requires_grad_(True)
        self.images += self.recipe.batch
        update_average(self.average, self.G, min(self.recipe.average, (1 + self.steps) / (10 + self.steps)))
        losses = {"discriminator": loss_D.detach(), "generator": loss_G.detach()}
        self.processes.mean(losses.values())
        return {name: loss.item() for name, loss in losses.items()}

    def batch(self, crops: FaceCrops) -> Any:
        """Next examples: each pass over the data is one permutation, drawn from seed and pass alone."""
        count, size = len(crops), self.recipe.batch
        positions = range(self.images, self.images + size)
        epochs = {position // count for position in positions}
        order = {
            epoch: torch.randperm(count, generator=self._epoch_random(epoch)).tolist() for epoch in epochs
        }
        return self.objective.examples(
            crops, [order[position // count][position % count] for position in positions]
        )

    def preview_latents(self) -> Tensor:
        """The latents (N, z_dim) of every preview of this run, on the CPU."""
        return self.G.sample_z(self.objective.previewed, torch.Generator().manual_seed(self.recipe.seed + 1))

    def preview(self, z: Tensor, crops: FaceCrops) -> Tensor:
        """What the averaged generator draws, on the CPU: z (N, z_dim) -> (N, 3, S, S).

        Where it needs surroundings, it is given those of ``crops``.
        """
        with torch.no_grad():
            average = recalibrate(copy.deepcopy(self.average), batches=4)
            return self.objective.preview(average, z.to(self.device), crops).float().cpu()

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped: tensors and numbers only."""
        parts = {
            name: getattr(self, name).state_dict()
            for name in ("G", "D", "average", "optimize_G", "optimize_D")
        }
        random = {"random": self.random.get_state(), "noise": self.noise.get_state()}
        return parts | random | {"images": self.images}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        for name in ("G", "D", "average", "optimize_G", "optimize_D"):
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self.images = state["images"]

    def _penalty(self) -> float:
        """R1's weight in this step: every so many steps it counts so many times as much."""
        due = self.recipe.penalty and self.steps % self.recipe.penalty_every == 0
        return self.recipe.penalty_every * self.recipe.penalty if due else 0.0

    def _update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self.processes.mean(parameter.grad for parameter in parameters if parameter.grad is not None)
        optimizer.step()

    def _set_learning_rate(self) -> None:
        start = self.recipe.decay_from
        progress = self.images / self.recipe.images
        share = 1.0 if progress <= start else max(0.0, (1 - progress) / (1 - start))
        for optimizer in (self.optimize_G, self.optimize_D):
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.learning_rate * share

    def _epoch_random(self, epoch: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.recipe.seed << 32) + epoch)


def train(
    crops: FaceCrops, recipe: Recipe, run: str | Path, schedule: Schedule | None = None, device: str = "cpu",
    *, processes: Alone = ALONE,
) -> Iterator[TrainingStep]:  # fmt: skip
    """Train a GAN on ``crops`` into the folder ``run``, going on from its checkpoint if it has one.

    Yields a step per batch. Leaves ``recipe.json``, ``history.jsonl`` (losses), ``previews/`` (the same
    latents as PNG) and ``checkpoint.pt``. Of several ``processes`` each calls this, and the first one writes.
    Raises ``FolderError`` where ``run`` holds files of these names that are not ours, ``LockError`` where
    another training is at work there, ``ValueError`` where it was started with another recipe, and
    ``DivergedError`` where a loss is not finite: the last checkpoint stays.
    """
    run, schedule, training = Path(run), schedule or Schedule(), Training(recipe, device, processes)
    z, end = training.preview_latents(), min(recipe.images, schedule.until or recipe.images)
    with _resumed(training, run):
        deadline, last = time.monotonic() + schedule.seconds, training.images >= end
        while not last:
            before = training.images
            losses = training.step(training.batch(crops))
            count, preview = training.images, None
            checkpoints.refuse_nonsense(losses, count, run)
            last = count >= end or processes.agree(time.monotonic() >= deadline)
            if processes.number == 0:
                if last or _crosses(before, count, schedule.preview_every):
                    preview = training.preview(z, schedule.preview_crops or crops)
                    checkpoints.save_preview(count, preview, run)
                checkpoints.append({"images": count} | losses, run)
                if last or _crosses(before, count, schedule.checkpoint_every):
                    checkpoints.save_checkpoint(training.state(), run)
            yield TrainingStep(count, losses, preview)


@contextlib.contextmanager
def _resumed(training: Training, run: Path) -> Iterator[None]:
    """``checkpoints.resumed`` in the first process; the others read the same checkpoint after it."""
    if training.processes.number == 0:
        with checkpoints.resumed(training, training.recipe, run, str(training.device)):
            training.processes.wait()
            yield
        return
    training.processes.wait()
    if (state := checkpoints.load_checkpoint(run, str(training.device))) is not None:
        with checkpoints.reading(run / checkpoints.CHECKPOINT):
            training.load_state(state)
    yield


def _crosses(before: int, after: int, every: int) -> bool:
    return before // every != after // every
