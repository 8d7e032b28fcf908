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


@dataclass(frozen=True)
class Search:
    """Settings of a latent search.

    ``starts`` latents, the best of ``starts * bank`` draws, take ``iterations`` steps of Adam; the worse ones are
    dropped after a fifth and again after half of the steps (``drop``). ``perceptual`` and ``prior`` weigh their
    losses against the contextual loss.
    """

    starts: int = 32
    iterations: int = 80
    bank: int = 8
    drop: bool = True
    learning_rate: float = 0.05
    perceptual: float = 0.05
    prior: float = 0.05

    def __post_init__(self) -> None:
        if self.starts < 1 or self.iterations < 1 or self.bank < 1:
            raise ValueError("starts, iterations and bank must be at least 1")

    def survivors(self, iteration: int) -> int:
        """How many latents a face still has at an iteration (counted from 0)."""
        if not self.drop or iteration < self.iterations * 0.2:
            return self.starts
        return max(1, self.starts // (4 if iteration < self.iterations * 0.5 else 16))


@dataclass
class Step:
    """One iteration: total loss and its parts of the best latent of each face (F,), its image (F, 3, S, S),
    and every surviving candidate: ``candidates`` (F, K, 3, S, S), ``z`` (F, K, z_dim)."""  # fmt: skip

    iteration: int
    losses: dict[str, Tensor]
    images: Tensor
    candidates: Tensor
    z: Tensor


def context_weights(visible: Tensor, window: int = 7) -> Tensor:
    """W of Yeh et al., eq. 3: a visible pixel weighs the share of hidden ones in the window around it.

    (N, 1, S, S) -> (N, 1, S, S). Pixels far from the hole would weigh nothing; a tenth is left to them, so that
    hair and background still say something about the light.
    """
    hidden_nearby = F.avg_pool2d(1 - visible, window, stride=1, padding=window // 2, count_include_pad=False)
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


def prior_loss(z: Tensor) -> Tensor:
    """How far |z|^2 / d is from 1, squared: standard normal latents lie on that shell. (..., d) -> (...)."""
    return (z.square().mean(-1) - 1).square()


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
    target, weights = (crops * visible)[:, None], context_weights(visible)[:, None]
    z = _best_of_bank(generator, target, weights, seeds, settings).requires_grad_(True)
    optimizer = torch.optim.Adam([z], lr=settings.learning_rate)
    parts = None
    for iteration in range(settings.iterations):
        if settings.survivors(iteration) < z.shape[1]:
            z, optimizer = _drop(z, optimizer, parts["total"].detach(), settings.survivors(iteration))
        images, parts = _evaluate(generator, discriminator, z, target, weights, settings)
        optimizer.zero_grad(set_to_none=True)
        parts["total"].sum().backward()
        optimizer.step()
        yield _step(iteration, z, images, parts)
    with torch.no_grad():
        images, parts = _evaluate(generator, discriminator, z, target, weights, settings)
    yield _step(settings.iterations, z, images, parts)


def inpaint(crops: Tensor, visible: Tensor, landmarks: Tensor, seeds: Sequence[int], *, generator: nn.Module,
            discriminator: nn.Module, settings: Search | None = None) -> Iterator[Step]:  # fmt: skip
    """The one door to every generator: what is visible of ``crops`` and where the landmarks are -> faces.

    ``crops`` (F, 3, S, S), ``visible`` (F, 1, S, S), ``landmarks`` (F, 5, 2) in frame pixels. The last ``Step``'s
    ``images`` are the result.
    """
    del landmarks  # a latent search reads the pose from the visible pixels
    return search(generator, discriminator, crops, visible, seeds, settings)


@torch.no_grad()
def _best_of_bank(generator, target: Tensor, weights: Tensor, seeds: Sequence[int], settings: Search) -> Tensor:
    """The ``starts`` latents of each face that already agree best with what is visible, (F, K, z_dim)."""
    chosen = []
    for face, seed in enumerate(seeds):
        z = generator.sample_z(settings.starts * settings.bank, torch.Generator().manual_seed(seed)).to(target.device)
        loss = torch.cat(
            [contextual_loss(_generate(generator, part), target[face], weights[face]) for part in z.split(128)]
        )
        chosen.append(z[loss.argsort(stable=True)[: settings.starts]])
    return torch.stack(chosen)


def _generate(generator, z: Tensor) -> Tensor:
    with torch.autocast(z.device.type, torch.bfloat16):
        return generator(z).float()


def _evaluate(generator, discriminator, z: Tensor, target: Tensor, weights: Tensor, settings: Search):
    """Images (F, K, 3, S, S) of the latents and their losses by name, each (F, K)."""
    count = z.shape[:2]
    with torch.autocast(z.device.type, torch.bfloat16):
        images = generator(z.flatten(0, 1))
        logits = discriminator(images).float().view(count)
    images = images.float().unflatten(0, count)
    parts = {
        "contextual": contextual_loss(images, target, weights),
        "perceptual": settings.perceptual * perceptual_loss(logits),
        "prior": settings.prior * prior_loss(z),
    }
    return images, parts | {"total": torch.stack(list(parts.values())).sum(0)}


def _drop(z: Tensor, optimizer: torch.optim.Optimizer, loss: Tensor, keep: int):
    """Keep the best latents of each face, and Adam's moments with them."""
    order = loss.argsort(dim=1, stable=True)[:, :keep, None].expand(-1, -1, z.shape[2])
    kept = z.detach().gather(1, order).requires_grad_(True)
    following = torch.optim.Adam([kept], lr=optimizer.param_groups[0]["lr"])
    state = optimizer.state[z]
    following.state[kept] = {
        "step": state["step"].clone(),
        "exp_avg": state["exp_avg"].gather(1, order),
        "exp_avg_sq": state["exp_avg_sq"].gather(1, order),
    }
    return kept, following


def _step(iteration: int, z: Tensor, images: Tensor, parts: dict[str, Tensor]) -> Step:
    images, best = images.detach(), parts["total"].detach().argmin(1)
    rows = torch.arange(len(best), device=best.device)
    losses = {name: value.detach()[rows, best] for name, value in parts.items()}
    return Step(iteration, losses, images[rows, best], images, z.detach())


def face_seeds(seed: int, count: int) -> list[int]:
    """A seed for each face of a photo: the same face gets another person for another ``seed``."""
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2**62, (count,), generator=random).tolist()


def schedule_cost(settings: Search) -> int:
    """Latents forward and backward that a search of one face takes; a bank's forward alone counts a third."""
    steps = sum(settings.survivors(iteration) for iteration in range(settings.iterations))
    return steps + math.ceil(settings.starts * settings.bank / 3)
