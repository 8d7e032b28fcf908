"""Semantic inpainting by latent search: losses, ``search`` and the one door ``inpaint``.

After Yeh et al., "Semantic Image Inpainting with Deep Generative Models" (CVPR 2017, arXiv 1607.07539):
find the latent whose image agrees with what is visible, and take from it what is hidden.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid import latents
from deid.generators import onepass

TRUNCATION = 0.5  # of a one-pass generator: chosen by eye and by how alike two seeds are
PIXELS_AT_ONCE = 512 * 1024  # of latents' images: what a forward and backward pass keeps in memory


@dataclass(frozen=True)
class Search:
    """Settings of a latent search.

    ``starts`` latents, the best of ``starts * bank`` draws, take ``iterations`` steps of Adam; the worse ones are
    dropped after a fifth and again after half of the steps (``drop``). With ``bank`` 0 all start at the mean face.
    After that a face whose loss has not fallen by 1 % for ``patience`` steps is done (0: never before the end).
    ``rampdown`` is the share of the steps at the end over which the learning rate falls linearly to zero.
    ``perceptual`` and ``prior`` weigh their losses against the contextual loss; without ``prior`` the space that is
    searched has its own (``deid.latents``).
    """

    starts: int = 32
    iterations: int = 80
    bank: int = 8
    drop: bool = True
    patience: int = 0
    learning_rate: float = 0.05
    rampdown: float = 0.0
    perceptual: float = 0.05
    prior: float | None = None

    def __post_init__(self) -> None:
        if self.starts < 1 or self.iterations < 1 or self.bank < 0 or self.patience < 0:
            raise ValueError("starts and iterations must be at least 1, bank and patience at least 0")
        if not 0 <= self.rampdown <= 1:
            raise ValueError(f"rampdown must be a share from 0 to 1, not {self.rampdown}")

    def survivors(self, iteration: int) -> int:
        """How many latents a face still has at an iteration (counted from 0)."""
        if not self.drop or iteration < self.iterations * 0.2:
            return self.starts
        return max(1, self.starts // (4 if iteration < self.iterations * 0.5 else 16))

    def rate(self, iteration: int) -> float:
        """The learning rate of an iteration."""
        left = 1 - iteration / self.iterations
        return self.learning_rate * (min(1.0, left / self.rampdown) if self.rampdown else 1.0)


@dataclass
class Step:
    """One iteration: total loss and its parts of the best latent of each face (F,), its image (F, 3, S, S),
    and every surviving candidate: ``candidates`` (F, K, 3, S, S), drawn from ``latents`` (F, K, L, d)."""  # fmt: skip

    iteration: int
    losses: dict[str, Tensor]
    images: Tensor
    candidates: Tensor
    latents: Tensor


def context_weights(visible: Tensor) -> Tensor:
    """W of Yeh et al., eq. 3: a visible pixel weighs the share of hidden ones in the window around it.

    (N, 1, S, S) -> (N, 1, S, S). The window is 7 pixels at S = 64 and grows with S. Pixels far from the hole would
    weigh nothing; a tenth is left to them, so that hair and background still say something about the light.
    """
    window = 2 * round(visible.shape[-1] * 3 / 64) + 1
    hidden_nearby = 1 - visible
    for kernel in ((window, 1), (1, window)):  # columns, then rows: the same mean, many times faster
        padding = kernel[0] // 2, kernel[1] // 2
        hidden_nearby = F.avg_pool2d(hidden_nearby, kernel, stride=1, padding=padding, count_include_pad=False)
    return visible * (hidden_nearby + 0.1)


def contextual_loss(images: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of |G(z) - y| over what is visible (Yeh et al., eq. 4, normalised). (..., 3, S, S) -> (...)."""
    distance = (images - target).abs() * weights
    return distance.sum((-3, -2, -1)) / (3 * weights.sum((-3, -2, -1))).clamp(min=1e-6)


def perceptual_loss(logits: Tensor) -> Tensor:
    """-log D(G(z)): small where the discriminator takes the image for real. Logits (...) -> (...).

    Yeh et al., eq. 5, minimise log(1 - D(G(z))); this is its non-saturating form, with the same sign.
    """
    return F.softplus(-logits)


def prior_loss(latents: Tensor) -> Tensor:
    """How far |z|^2 / d is from 1, squared: standard normal latents lie on that shell. (..., L, d) -> (...).

    Where each of L layers has a latent of its own, they also pay for leaving their mean, ten times as much: random
    faces have one for all; layers that go their own ways agree with what is visible but draw no face in the hole.
    """
    shell = (latents.square().mean(-1) - 1).square().mean(-1)
    return shell + 10 * (latents - latents.mean(-2, keepdim=True)).square().mean((-2, -1))


def search(
    generator: nn.Module, discriminator: nn.Module, crops: Tensor, visible: Tensor, seeds: Sequence[int],
    settings: Search | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Search all faces' latents in one batch; yields a ``Step`` per iteration, the last one is the result.

    ``crops`` (F, 3, S, S) and ``visible`` (F, 1, S, S); hidden pixels of ``crops`` are multiplied by zero here
    once more. Face f draws from ``seeds[f]`` alone. Raises ``ValueError`` on shapes that do not fit.
    """
    settings = settings or Search()
    if crops.shape[2:] != visible.shape[2:] or len(crops) != len(visible) or len(crops) != len(seeds):
        raise ValueError(f"crops {tuple(crops.shape)}, visible {tuple(visible.shape)}, {len(seeds)} seeds do not fit")
    problem = _Problem(latents.of(generator), discriminator, crops * visible, visible, settings)
    current = problem.best_of_bank(seeds).requires_grad_(True)
    optimizer = torch.optim.Adam([current], lr=settings.learning_rate)
    parts, rest = None, _Rest(settings, len(crops))
    for iteration in range(settings.iterations):
        if settings.survivors(iteration) < current.shape[1]:
            current, optimizer = _drop(current, optimizer, parts["total"], settings.survivors(iteration))
        optimizer.zero_grad(set_to_none=True)
        images, parts = problem.evaluate(current)
        step = _step(iteration, current, images, parts)
        optimizer.param_groups[0]["lr"] = settings.rate(iteration)
        optimizer.step()
        rest.hold(current, parts["total"], iteration)
        yield step
        if rest.everyone:
            break
    yield _step(iteration + 1, current, *problem.evaluate(current.detach()))


@torch.no_grad()
def draw(
    generator: nn.Module, crops: Tensor, visible: Tensor, landmarks: Tensor, seeds: Sequence[int],
    truncation: float | Sequence[float] = TRUNCATION,
) -> Iterator[Step]:  # fmt: skip
    """Draw all faces in one pass; the only ``Step`` is the result. Face f's latent comes from ``seeds[f]`` alone.

    ``truncation``, one or F, is how far it may lie from the mean person's: 0 draws only him, 1 is as in training.
    """
    drawn = [generator.sample_z(1, torch.Generator().manual_seed(seed)) for seed in seeds]
    z, known = torch.cat(drawn).to(crops.device), crops * visible
    reach = torch.as_tensor(truncation, device=z.device).expand(len(seeds))[:, None]
    images = generator(z, onepass.conditions(known, visible, landmarks), reach)
    losses = {"contextual": contextual_loss(images, known, context_weights(visible))}
    yield Step(0, losses, images, images[:, None], z[:, None, None])


def inpaint(crops: Tensor, visible: Tensor, landmarks: Tensor, seeds: Sequence[int], *, generator: nn.Module,
            discriminator: nn.Module, settings: Search | None = None,
            truncation: float | Sequence[float] = TRUNCATION) -> Iterator[Step]:  # fmt: skip
    """The one door to every generator: what is visible of ``crops`` and where the landmarks are -> faces.

    ``crops`` (F, 3, S, S), ``visible`` (F, 1, S, S), ``landmarks`` (F, 5, 2) in frame pixels. The last ``Step``'s
    ``images`` are the result.
    """
    if generator.family == "onepass":
        return draw(generator, crops, visible, landmarks, seeds, truncation)
    # A latent search reads the pose from the visible pixels.
    return search(generator, discriminator, crops, visible, seeds, settings)


@dataclass
class _Problem:
    """What a search minimises, for F faces at once: ``target`` (F, 3, S, S) with nothing in the holes."""

    space: latents.NormalLatents | latents.StyleLatents
    discriminator: nn.Module
    target: Tensor
    visible: Tensor
    settings: Search

    def __post_init__(self) -> None:
        self.weights = context_weights(self.visible)
        self.prior = self.space.prior if self.settings.prior is None else self.settings.prior
        # Memory grows with pixels times latents: 128 at 64 px, 8 at 256 px, one at 1024 px.
        self.at_once = max(1, PIXELS_AT_ONCE // self.target[0, 0].numel())

    @torch.no_grad()
    def best_of_bank(self, seeds: Sequence[int]) -> Tensor:
        """The ``starts`` latents of each face that already agree best with what is visible, (F, K, L, d)."""
        chosen = []
        for face, seed in enumerate(seeds):
            count = self.settings.starts * max(1, self.settings.bank)
            drawn = self.space.draw(count, torch.Generator().manual_seed(seed)).to(self.target.device)
            if self.settings.bank == 0:  # close to the mean; exactly there all would go the same way
                chosen.append(0.1 * drawn)
                continue
            target, weights = self.target[face], self.weights[face]
            loss = torch.cat(
                [contextual_loss(self._decode(part), target, weights) for part in drawn.split(self.at_once)]
            )
            chosen.append(drawn[loss.argsort(stable=True)[: self.settings.starts]])
        return torch.stack(chosen)

    def evaluate(self, current: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Images (F, K, 3, S, S) of latents (F, K, L, d) and their losses by name, each (F, K).

        Where gradients are wanted, the total's is added to ``current.grad``, part after part.
        """
        faces = torch.arange(len(current), device=current.device).repeat_interleave(current.shape[1])
        images, losses = [], []
        for part, face in zip(current.flatten(0, 1).split(self.at_once), faces.split(self.at_once), strict=True):
            drawn, parts = self._losses(part, face)
            if part.requires_grad:
                parts["total"].sum().backward()
            images.append(drawn.detach())
            losses.append({name: value.detach() for name, value in parts.items()})
        shape = current.shape[:2]
        together = {name: torch.cat([part[name] for part in losses]).unflatten(0, shape) for name in losses[0]}
        return torch.cat(images).unflatten(0, shape), together

    def _losses(self, part: Tensor, face: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(part.device.type, torch.bfloat16):
            images = self.space.decode(part)
            logits = _judge(self.discriminator, images).float().flatten()
        images = images.float()
        parts = {
            "contextual": contextual_loss(images, self.target[face], self.weights[face]),
            "perceptual": self.settings.perceptual * perceptual_loss(logits),
            "prior": self.prior * prior_loss(part),
        }
        return images, parts | {"total": torch.stack(list(parts.values())).sum(0)}

    def _decode(self, part: Tensor) -> Tensor:
        with torch.autocast(part.device.type, torch.bfloat16):
            return self.space.decode(part).float()


class _Rest:
    """Which faces are done, and their latents, held as they were then: no face depends on how long others take."""

    def __init__(self, settings: Search, count: int) -> None:
        self.settings = settings
        self.best, self.since = torch.full((count,), math.inf), torch.zeros(count, dtype=torch.long)
        self.done, self.latents = torch.zeros(count, dtype=torch.bool), None

    @property
    def everyone(self) -> bool:
        return bool(self.done.all())

    @torch.no_grad()
    def hold(self, current: Tensor, loss: Tensor, iteration: int) -> None:
        """Look at the losses (F, K) of a step, and put the latents of faces that were done before it back."""
        if not self.settings.patience or iteration < self.settings.iterations * 0.5:
            return
        if self.latents is not None:
            current[self.done] = self.latents[self.done]
        least = loss.amin(1).cpu()
        better = least < 0.99 * self.best
        self.best = torch.where(better, least, self.best)
        self.since = torch.where(better, 0, self.since + 1)
        self.done |= self.since >= self.settings.patience
        self.latents = current.clone()


def _judge(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Each image's logit by itself: a group of one switches StyleGAN2's comparison within the batch off."""
    return discriminator(images, group=1) if discriminator.family == "stylegan2" else discriminator(images)


def _drop(current: Tensor, optimizer: torch.optim.Optimizer, loss: Tensor, keep: int):
    """Keep the best latents of each face, and Adam's moments with them."""
    order = loss.argsort(dim=1, stable=True)[:, :keep, None, None].expand(-1, -1, *current.shape[2:])
    kept = current.detach().gather(1, order).requires_grad_(True)
    following = torch.optim.Adam([kept], lr=optimizer.param_groups[0]["lr"])
    state = optimizer.state[current]
    following.state[kept] = {
        "step": state["step"].clone(),
        "exp_avg": state["exp_avg"].gather(1, order),
        "exp_avg_sq": state["exp_avg_sq"].gather(1, order),
    }
    return kept, following


def _step(iteration: int, current: Tensor, images: Tensor, parts: dict[str, Tensor]) -> Step:
    best = parts["total"].argmin(1)
    rows = torch.arange(len(best), device=best.device)
    losses = {name: value[rows, best] for name, value in parts.items()}
    return Step(iteration, losses, images[rows, best], images, current.detach().clone())


def face_seeds(seed: int, count: int) -> list[int]:
    """A seed for each face of a photo: the same face gets another person for another ``seed``."""
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2**62, (count,), generator=random).tolist()


def schedule_cost(settings: Search) -> int:
    """Latents forward and backward that a search of one face takes; a bank's forward alone counts a third."""
    steps = sum(settings.survivors(iteration) for iteration in range(settings.iterations))
    return steps + math.ceil(settings.starts * settings.bank / 3)
