"""Adversarial training: one loop for every game of ``deid.games``, that yields ``Step``, and exact resume."""

import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from deid import games, journal, recipes
from deid.averaging import recalibrate, update_average
from deid.dataset import FaceCrops
from deid.generators import files, formats
from deid.recipes import Recipe


@dataclass
class Step:
    """One training step: real images seen so far, losses by name, and a preview (N, 3, H, W) every so often."""

    images: int
    losses: dict[str, float]
    preview: Tensor | None = None


class Training:
    """Networks, optimisers and the random state of one run: everything a checkpoint holds."""

    def __init__(self, recipe: Recipe, device: str = "cpu") -> None:
        self.recipe, self.device = recipe, torch.device(device)
        torch.manual_seed(recipe.seed)  # layer initialisation takes no generator
        G, D, self.images = recipes.networks(recipe)
        self.G = G.to(self.device, memory_format=torch.channels_last)
        self.D = D.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        options = {"lr": recipe.learning_rate, "betas": (recipe.beta1, recipe.beta2), "fused": True}
        self.optimize_G = torch.optim.Adam(self.G.parameters(), **options)
        self.optimize_D = torch.optim.Adam(self.D.parameters(), **options)
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.noise = torch.Generator(self.device).manual_seed(recipe.seed)
        self.game = games.GAMES[recipe.family](recipe, self.G, self.D, self.random, self.noise)

    @property
    def steps(self) -> int:
        """Updates made so far."""
        return self.images // self.recipe.batch

    def step(self, examples: Tensor | games.Hidden) -> dict[str, float]:
        """One update of D, one of G, one of the average, on what ``batch`` gave -> losses by name."""
        self._set_learning_rate()
        examples = examples.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            fake = self.game.play(examples)
            due = self.recipe.penalty and self.steps % self.recipe.penalty_every == 0
            penalty = self.recipe.penalty_every * self.recipe.penalty if due else 0.0
            loss_D = self.game.discriminator_loss(examples, fake, penalty)
        self._update(self.optimize_D, loss_D)
        # G's step needs D's gradient with respect to its input only.
        self.D.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            loss_G = self.game.generator_loss(examples, fake)
        self._update(self.optimize_G, loss_G)
        self.D.requires_grad_(True)
        self.images += self.recipe.batch
        update_average(self.average, self.G, min(self.recipe.average, (1 + self.steps) / (10 + self.steps)))
        return {"discriminator": loss_D.item(), "generator": loss_G.item()}

    def batch(self, crops: FaceCrops) -> Tensor | games.Hidden:
        """The next examples: each pass over the data is one permutation, known from seed and pass alone."""
        count, size = len(crops), self.recipe.batch
        positions = range(self.images, self.images + size)
        epochs = {position // count for position in positions}
        order = {epoch: torch.randperm(count, generator=self._epoch_random(epoch)) for epoch in epochs}
        return self.game.examples(crops, [order[position // count][position % count] for position in positions])

    def preview(self, z: Tensor, crops: FaceCrops) -> Tensor:
        """What the averaged generator draws for ``z``, on the CPU; where it needs surroundings, those of ``crops``."""
        with torch.no_grad():
            average = recalibrate(copy.deepcopy(self.average), batches=4)
            return self.game.show(average, z.to(self.device), crops).float().cpu()

    def state(self) -> dict:
        """Everything needed to go on as if never stopped: tensors and numbers only."""
        networks = {
            name: getattr(self, name).state_dict() for name in ("G", "D", "average", "optimize_G", "optimize_D")
        }
        random = {"random": self.random.get_state(), "noise": self.noise.get_state()}
        return networks | random | {"images": self.images}

    def load_state(self, state: dict) -> None:
        """Take up the state of a checkpoint."""
        for name in ("G", "D", "average", "optimize_G", "optimize_D"):
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self.images = state["images"]

    def _update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
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
    crops: FaceCrops, recipe: Recipe, run: str | Path, device: str = "cpu",
    preview_every: int = 20_000, checkpoint_every: int = 20_000, until: int | None = None,
    shown: FaceCrops | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Train a GAN on ``crops`` into the folder ``run``, going on from its checkpoint if it has one.

    ``until`` stops before the recipe's end, at so many images seen; a later call goes on as if it had not. ``shown``
    are the faces whose holes a one-pass generator fills for the previews: others than it learns from, if possible.

    Leaves ``recipe.json``, ``history.jsonl`` (losses), ``previews/`` (the same latents as PNG) and
    ``checkpoint.pt``; yields a ``Step`` per batch. Intervals are in images seen. Raises ``ValueError`` when
    ``run`` was started with another recipe.
    """
    run = Path(run)
    journal.keep_recipe(asdict(recipe), run, asdict(Recipe()))
    training = Training(recipe, device)
    if (state := journal.load_checkpoint(run, device)) is not None:
        training.load_state(state)
    journal.forget_after(training.images, run)
    z = training.G.sample_z(training.game.shown, torch.Generator().manual_seed(recipe.seed + 1))
    end = min(recipe.images, until or recipe.images)
    while training.images < end:
        before = training.images
        step = Step(0, training.step(training.batch(crops)))
        step.images = training.images
        last = training.images >= end
        if last or _crosses(before, training.images, preview_every):
            step.preview = training.preview(z, shown or crops)
            journal.keep_preview(step.images, step.preview, run)
        journal.append({"images": step.images} | step.losses, run)
        if last or _crosses(before, training.images, checkpoint_every):
            journal.save_checkpoint(training.state(), run)
        yield step


def export(run: str | Path, path: str | Path, batches: int = 64, share_of_start: float = 0.0) -> tuple[Path, Path]:
    """Write a run's averaged generator to ``path`` and its discriminator beside it, in half precision.

    ``name.safetensors`` and ``name-discriminator.safetensors`` carry the recipe and the images seen in their
    header. Batch-norm statistics are re-estimated for the averaged weights first, over ``batches`` of samples.
    For a run that went on from weights (``Recipe.start``) ``share_of_start`` averages these in: one average over both
    stretches (Izmailov et al., 2018, arXiv 1803.05407).
    """
    run, path = Path(run), Path(path)
    recipe = Recipe(**journal.recipe(run))
    training = Training(recipe)
    training.load_state(journal.load_checkpoint(run))
    if share_of_start:
        update_average(training.average, recipes.networks(recipe)[0].to(training.device), 1 - share_of_start)
    G, D = recalibrate(training.average, batches), training.D.eval()
    facts = recipes.facts(recipe, G) | {"images_seen": training.images, "recipe": asdict(recipe)}
    facts["share_of_start"] = share_of_start
    plain = D.plain_state_dict() if recipe.family == "dcgan" else D.state_dict()
    beside = formats.discriminator_path(path)
    files.write(path, G.state_dict(), facts | {"role": "generator"})
    files.write(beside, plain, facts | {"role": "discriminator"})
    return path, beside


def _crosses(before: int, after: int, every: int) -> bool:
    return before // every != after // every
