"""Adversarial training: losses, one loop that yields ``Step``, and exact resume."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import journal, recipes
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


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(x)) - log(1 - sigmoid(D(G(z)))); Goodfellow et al. (2014), eq. 1. Logits (N,) -> scalar."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating -log sigmoid(D(G(z))); Goodfellow et al. (2014), section 3. Logits (N,) -> scalar."""
    return F.softplus(-fake).mean()


def translate(batch: Tensor, reach: int, random: torch.Generator) -> Tensor:
    """Shift each image of (N, C, H, W) by up to ``reach`` pixels, zeros coming in; differentiable."""
    if reach == 0:
        return batch
    count, _, height, width = batch.shape
    shifts = torch.randint(0, 2 * reach + 1, (2, count, 1, 1), generator=random).to(batch.device)
    rows = torch.arange(height, device=batch.device).view(1, height, 1) + shifts[0]
    columns = torch.arange(width, device=batch.device).view(1, 1, width) + shifts[1]
    padded = F.pad(batch, (reach,) * 4).permute(0, 2, 3, 1)
    index = torch.arange(count, device=batch.device).view(count, 1, 1)
    return padded[index, rows, columns].permute(0, 3, 1, 2)


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1: half the mean squared gradient of the logits at real images; Mescheder et al. (2018), eq. 9."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


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

    @property
    def steps(self) -> int:
        """Updates made so far."""
        return self.images // self.recipe.batch

    def step(self, real: Tensor) -> dict[str, float]:
        """One update of D, one of G, one of the average, on ``real`` (N, 3, 64, 64) -> losses by name."""
        self._set_learning_rate()
        real = real.to(self.device, memory_format=torch.channels_last)
        z = self.G.sample_z(len(real), self.random).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            fake = self._generate(z)
            loss_D = discriminator_loss(self._judge(real), self._judge(fake.detach()))
            if self.recipe.penalty and self.steps % self.recipe.penalty_every == 0:
                loss_D = loss_D + self.recipe.penalty_every * self.recipe.penalty * gradient_penalty(self._judge, real)
        self._update(self.optimize_D, loss_D)
        # G's step needs D's gradient with respect to its input only.
        self.D.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            loss_G = generator_loss(self._judge(fake))
        self._update(self.optimize_G, loss_G)
        self.D.requires_grad_(True)
        self.images += len(real)
        update_average(self.average, self.G, min(self.recipe.average, (1 + self.steps) / (10 + self.steps)))
        return {"discriminator": loss_D.item(), "generator": loss_G.item()}

    def batch(self, crops: FaceCrops) -> Tensor:
        """The next batch of crops: each pass over the data is one permutation, known from seed and pass alone."""
        count, size = len(crops), self.recipe.batch
        positions = range(self.images, self.images + size)
        epochs = {position // count for position in positions}
        order = {epoch: torch.randperm(count, generator=self._epoch_random(epoch)) for epoch in epochs}
        real = crops.batch([order[position // count][position % count] for position in positions])
        if self.recipe.flips:
            mirrored = torch.rand(size, generator=self.random) < 0.5
            real[mirrored] = real[mirrored].flip(3)
        return real

    def preview(self, z: Tensor) -> Tensor:
        """Samples (N, 3, 64, 64) of the averaged generator, on the CPU."""
        with torch.no_grad():
            return recalibrate(copy.deepcopy(self.average), batches=4)(z.to(self.device)).float().cpu()

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

    def _generate(self, z: Tensor) -> Tensor:
        if self.recipe.family == "dcgan":
            return self.G(z)
        w = self.G.mapping(z)
        with torch.no_grad():
            self.G.mapping.w_avg.lerp_(w[:, 0].mean(0).float(), 0.005)  # for truncation, as Karras et al. (2019)
        return self.G.synthesis(w, "random", self.noise)

    def _judge(self, batch: Tensor) -> Tensor:
        return self.D(translate(batch, self.recipe.translation, self.random)).float().flatten()

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
) -> Iterator[Step]:  # fmt: skip
    """Train a GAN on ``crops`` into the folder ``run``, going on from its checkpoint if it has one.

    ``until`` stops before the recipe's end, at so many images seen; a later call goes on as if it had not.

    Leaves ``recipe.json``, ``history.jsonl`` (losses), ``previews/`` (the same 64 latents as PNG) and
    ``checkpoint.pt``; yields a ``Step`` per batch. Intervals are in images seen. Raises ``ValueError`` when
    ``run`` was started with another recipe.
    """
    run = Path(run)
    journal.keep_recipe(asdict(recipe), run)
    training = Training(recipe, device)
    if (state := journal.load_checkpoint(run, device)) is not None:
        training.load_state(state)
    journal.forget_after(training.images, run)
    z = training.G.sample_z(64, torch.Generator().manual_seed(recipe.seed + 1))
    end = min(recipe.images, until or recipe.images)
    while training.images < end:
        before = training.images
        step = Step(0, training.step(training.batch(crops)))
        step.images = training.images
        last = training.images >= end
        if last or _crosses(before, training.images, preview_every):
            step.preview = training.preview(z)
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
