"""Training both towers, resumable: contrastive, over batches of one source each."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from deid import losses, storage
from deid.recognition.coherence import Coherence
from deid.training import checkpoints
from deid.training.coherence.examples import Examples, Views


@dataclass(frozen=True)
class Contrast:
    """How the towers are trained: ``images`` counts faces seen over the whole run.

    ``repeats`` says how often each source is seen in one pass: small and diverse ones more often. The
    learning rate rises over the first twentieth of the run and falls to zero along a cosine.
    """

    images: int = 200_000
    batch: int = 256
    learning_rate: float = 2e-3
    decay: float = 0.05
    strength: float = 1.0
    sharpest: float = 30.0
    repeats: tuple[int, ...] = (1,)
    bfloat16: bool = False
    seed: int = 0


@dataclass(frozen=True)
class ContrastStep:
    """Faces seen so far, the loss, and the share of faces in the batch whose own was the nearest."""

    images: int
    loss: float
    first: float


class Contrasting:
    """The towers, their optimiser and their random state: everything that a checkpoint holds."""

    def __init__(self, settings: Contrast, sources: Sequence[Examples]) -> None:
        self.settings, self.sources, self.images = settings, sources, 0
        torch.manual_seed(settings.seed)  # layer initialisation has no generator
        self.network = Coherence().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters = list(self.network.parameters())
        self.optimizer = torch.optim.AdamW(parameters, weight_decay=settings.decay, fused=True)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.order: tuple[int, list[tuple[int, Tensor]]] = (-1, [])

    def batch(self) -> Views:
        """The next faces: which, is drawn from the seed and the pass alone."""
        done = self.images // self.settings.batch
        number, place = divmod(done, self._count())
        if self.order[0] != number:
            self.order = number, self._pass(number)
        source, indices = self.order[1][place]
        return self.sources[source].views(indices, self.random, self.settings.strength)

    def step(self, views: Views) -> ContrastStep:
        """One update."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self._pace()
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bfloat16):
            around = self.network.surroundings(views.around, views.visible, views.landmarks)
            faces = self.network.faces(views.embeddings)
        scale = self.network.scale.clamp(max=math.log(self.settings.sharpest)).exp()
        loss = losses.contrastive_loss(around, faces, scale)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.images += self.settings.batch
        right = (around @ faces.T).argmax(1) == torch.arange(len(faces))
        return ContrastStep(self.images, loss.item(), right.float().mean().item())

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped."""
        network, optimizer = self.network.state_dict(), self.optimizer.state_dict()
        return {
            "network": network,
            "optimizer": optimizer,
            "random": self.random.get_state(),
            "images": self.images,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.images = state["images"]

    def _repeated(self) -> Iterator[tuple[int, Examples]]:
        repeats = self.settings.repeats * len(self.sources)
        for k, source in enumerate(self.sources):
            yield from [(k, source)] * repeats[k]

    def _count(self) -> int:
        """How many batches a pass has; where whole batches begin differs between passes, their number not."""
        return sum(len(source) // self.settings.batch for _, source in self._repeated())

    def _pass(self, number: int) -> list[tuple[int, Tensor]]:
        random = torch.Generator().manual_seed((self.settings.seed << 32) + number)
        found = [
            (k, part)
            for k, source in self._repeated()
            for part in source.batches(self.settings.batch, random)
        ]
        return [found[k] for k in torch.randperm(len(found), generator=random)]

    def _pace(self) -> float:
        """The share of the learning rate that this step has."""
        progress = self.images / self.settings.images
        return min(1.0, progress / 0.05 + 0.02) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def train(
    sources: Sequence[Examples],
    settings: Contrast,
    run: str | Path,
    seconds: float = math.inf,
    checkpoint_every: int = 10_000,
) -> Iterator[ContrastStep]:
    """Train the towers into the folder ``run``, going on from its checkpoint if it has one; yields each step.

    After ``seconds`` it stops; a later call goes on as if it had not. Raises ``FolderError`` where ``run``
    holds files that are not ours, ``LockError`` where another training is at work there, ``ValueError`` where
    it was started with other settings, or where no source has faces enough for a batch.
    """
    training = Contrasting(settings, sources)
    if not training._count():
        raise ValueError(f"no source has {settings.batch} faces: make more crops, or choose a smaller batch")
    with checkpoints.resumed(training, settings, run):
        end, last = time.monotonic() + seconds, training.images >= settings.images
        while not last:  # however short the time, each call gets on
            before = training.images
            step = training.step(training.batch())
            checkpoints.append(asdict(step), run)
            last = step.images >= settings.images or time.monotonic() >= end
            if last or before // checkpoint_every != step.images // checkpoint_every:
                checkpoints.save_checkpoint(training.state(), run)
            yield step


def export(run: str | Path, path: str | Path) -> Path:
    """Write a run's towers to ``path``, in half precision; ``ValueError`` where it has no checkpoint."""
    if (state := checkpoints.load_checkpoint(run)) is None:
        raise ValueError(f"{Path(run) / checkpoints.CHECKPOINT}: missing; train into this folder first")
    with checkpoints.reading(Path(run) / checkpoints.CHECKPOINT):
        tensors = {name: value for name, value in state["network"].items() if "num_batches" not in name}
        # Running variances reach beyond half precision's range.
        stored = {n: (t if "running" in n else t.half()).contiguous() for n, t in tensors.items()}
    storage.write_atomically(path, save(stored))
    return Path(path)
