"""Adversarial training: losses, one loop that yields ``Step``, a moving average, and exact resume."""

import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid import journal
from deid.dataset import FaceCrops
from deid.generators import weights
from deid.generators.dcgan import Discriminator, Generator


@dataclass(frozen=True)
class Recipe:
    """How a GAN is trained. The defaults are ours; ``PLAIN`` is the original study's (PyTorch's tutorial).

    ``images`` counts real images seen. ``translation`` shifts real and fake by up to so many pixels before the
    discriminator sees them (Zhao et al., 2020, arXiv 2006.10738). ``decay_from`` is the share of the run after
    which the learning rate falls linearly to zero. ``average`` is the decay of the generator's moving average.
    """

    images: int = 1_200_000
    batch: int = 128
    learning_rate: float = 2e-4
    beta1: float = 0.5
    norm: str = "spectral"
    flips: bool = True
    translation: int = 4
    average: float = 0.999
    decay_from: float = 0.7
    bfloat16: bool = True
    seed: int = 0


PLAIN = Recipe(norm="batch", flips=False, translation=0, average=0.0, decay_from=1.0)


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


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of the parameters; buffers are copied (Yazici et al., 2019, arXiv 1806.04498)."""
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for mean, value in zip(average.buffers(), network.buffers(), strict=True):
        mean.copy_(value)


@torch.no_grad()
def recalibrate(generator: Generator, batches: int = 16, batch: int = 128, seed: int = 0) -> Generator:
    """Re-estimate batch-norm statistics for the averaged weights; they belong to other weights before. In place."""
    norms = [layer for layer in generator.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean
    device = next(generator.parameters()).device
    random = torch.Generator().manual_seed(seed)
    generator.train()
    for _ in range(batches):
        generator(generator.sample_z(batch, random).to(device))
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return generator.eval()


class Training:
    """Networks, optimisers and the random state of one run: everything a checkpoint holds."""

    def __init__(self, recipe: Recipe, device: str = "cpu") -> None:
        self.recipe, self.device = recipe, torch.device(device)
        torch.manual_seed(recipe.seed)  # layer initialisation takes no generator
        self.G = Generator().to(self.device, memory_format=torch.channels_last)
        self.D = Discriminator(norm=recipe.norm).to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        options = {"lr": recipe.learning_rate, "betas": (recipe.beta1, 0.999), "fused": True}
        self.optimize_G = torch.optim.Adam(self.G.parameters(), **options)
        self.optimize_D = torch.optim.Adam(self.D.parameters(), **options)
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.images = 0

    def step(self, real: Tensor) -> dict[str, float]:
        """One update of D, one of G, one of the average, on ``real`` (N, 3, 64, 64) -> losses by name."""
        self._set_learning_rate()
        real = real.to(self.device, memory_format=torch.channels_last)
        z = self.G.sample_z(len(real), self.random).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            fake = self.G(z)
            loss_D = discriminator_loss(self._judge(real), self._judge(fake.detach()))
        self._update(self.optimize_D, loss_D)
        # G's step needs D's gradient with respect to its input only.
        self.D.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            loss_G = generator_loss(self._judge(fake))
        self._update(self.optimize_G, loss_G)
        self.D.requires_grad_(True)
        self.images += len(real)
        steps = self.images / self.recipe.batch
        update_average(self.average, self.G, min(self.recipe.average, (1 + steps) / (10 + steps)))
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
        return networks | {"random": self.random.get_state(), "images": self.images}

    def load_state(self, state: dict) -> None:
        """Take up the state of a checkpoint."""
        for name in ("G", "D", "average", "optimize_G", "optimize_D"):
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.images = state["images"]

    def _judge(self, batch: Tensor) -> Tensor:
        return self.D(translate(batch, self.recipe.translation, self.random)).float()

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
    """Train a DCGAN on ``crops`` into the folder ``run``, going on from its checkpoint if it has one.

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


def export(run: str | Path, path: str | Path, batches: int = 64) -> tuple[Path, Path]:
    """Write a run's averaged generator to ``path`` and its discriminator beside it, in half precision.

    ``name.safetensors`` and ``name-discriminator.safetensors`` carry the recipe and the images seen in their
    header. Batch-norm statistics are re-estimated for the averaged weights first, over ``batches`` of samples.
    """
    run, path = Path(run), Path(path)
    recipe = Recipe(**journal.recipe(run))
    training = Training(recipe)
    training.load_state(journal.load_checkpoint(run))
    facts = {"family": "dcgan", "resolution": 64, "images_seen": training.images, "recipe": asdict(recipe)}
    beside = path.with_name(f"{path.stem}-discriminator{path.suffix}")
    weights.write(path, recalibrate(training.average, batches).state_dict(), facts | {"role": "generator"})
    weights.write(beside, training.D.eval().plain_state_dict(), facts | {"role": "discriminator"})
    return path, beside


def _crosses(before: int, after: int, every: int) -> bool:
    return before // every != after // every
