"""What G and D play for: drawing faces from nothing (``Sampling``), or the hidden part of one (``Completion``).

A game knows its networks and its random numbers; ``training`` knows optimisers, averages and checkpoints. Both games
have the same moves: ``examples`` of a batch, ``play`` G's answer to them, ``discriminator_loss``, ``generator_loss``,
and ``show`` a preview.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid import inpainting, masks
from deid.dataset import FaceCrops
from deid.generators import onepass
from deid.recipes import Recipe

MIRRORED = [1, 0, 2, 4, 3]  # the landmarks of a face in a mirror: left and right are exchanged


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(x)) - log(1 - sigmoid(D(G(z)))); Goodfellow et al. (2014), eq. 1. Logits (N,) -> scalar."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating -log sigmoid(D(G(z))); Goodfellow et al. (2014), section 3. Logits (N,) -> scalar."""
    return F.softplus(-fake).mean()


def relativistic_loss(better: Tensor, worse: Tensor) -> Tensor:
    """-log sigmoid of how much more real one is taken for than its pair; Jolicoeur-Martineau (2018), eq. 5.

    D minimises it for (real, fake), G for (fake, real). Logits (N,), (N,) -> scalar.
    """
    return F.softplus(worse - better).mean()


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


def enlarge(batch: Tensor, share: float, random: torch.Generator, smallest: int = 20) -> Tensor:
    """Shrink a ``share`` of (N, C, S, S), in [-1, 1], to sides between ``smallest`` and S, and enlarge it to S again.

    Sides are drawn evenly on a logarithmic scale.
    """
    chosen, shrunk = torch.rand(2, len(batch), generator=random)
    found, size = batch.clone(), batch.shape[3]
    for index in torch.nonzero(chosen < share).flatten().tolist():
        side = round(smallest * (size / smallest) ** shrunk[index].item())
        small = F.interpolate(batch[index : index + 1], (side, side), mode="bicubic", antialias=True)
        found[index] = F.interpolate(small, (size, size), mode="bicubic").clamp(-1, 1)
    return found


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1: half the mean squared gradient of the logits at real images; Mescheder et al. (2018), eq. 9."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


@dataclass
class Sampling:
    """G draws whole faces from latents, D judges them: a DCGAN's game, and a StyleGAN2's."""

    recipe: Recipe
    G: nn.Module
    D: nn.Module
    random: torch.Generator  # on the CPU
    noise: torch.Generator  # on the networks' device
    shown: ClassVar[int] = 64  # latents of a preview

    def examples(self, crops: FaceCrops, indices: Sequence[int]) -> Tensor:
        """Real crops (N, 3, S, S), half of them mirrored."""
        real = crops.batch(indices)
        mirrored = _mirrored(self.recipe, len(real), self.random)
        real[mirrored] = real[mirrored].flip(3)
        return real

    def play(self, real: Tensor) -> Tensor:
        z = self.G.sample_z(len(real), self.random).to(real.device)
        if self.recipe.family == "dcgan":
            return self.G(z)
        w = self.G.mapping(z)
        with torch.no_grad():
            self.G.mapping.w_avg.lerp_(w[:, 0].mean(0).float(), 0.005)  # for truncation, as Karras et al. (2019)
        return self.G.synthesis(w, "random" if self.recipe.noise else "none", self.noise)

    def discriminator_loss(self, real: Tensor, fake: Tensor, penalty: float) -> Tensor:
        loss = discriminator_loss(self._judge(real), self._judge(fake.detach()))
        return loss + penalty * gradient_penalty(self._judge, real) if penalty else loss

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        del real
        return generator_loss(self._judge(fake))

    def show(self, network: nn.Module, z: Tensor, crops: FaceCrops) -> Tensor:
        del crops
        return network(z)

    def _judge(self, batch: Tensor) -> Tensor:
        return self.D(translate(batch, self.recipe.translation, self.random)).float().flatten()


@dataclass
class Hidden:
    """Faces with holes: ``crops`` (N, 3, S, S) whole, ``visible`` (N, 1, S, S), ``given`` (N, 9, S, S) for G."""

    crops: Tensor
    visible: Tensor
    given: Tensor

    def to(self, device: torch.device, **layout) -> "Hidden":
        return Hidden(*(part.to(device, **layout) for part in (self.crops, self.visible, self.given)))

    def filled(self, drawn: Tensor) -> Tensor:
        """What was drawn, in the holes; elsewhere the crops."""
        return self.crops * self.visible + drawn * (1 - self.visible)


@dataclass
class Completion(Sampling):
    """G draws what is hidden of a face, D compares the filled face with the whole one: the one-pass generator's game.

    Beside D's verdict G pays for what it draws of the visible (``context``), for wrong light and skin in the hole
    (``tone``), for D's coarse features that differ (``matching``; Wang et al., 2018, arXiv
    1711.11585, eq. 3), and where two latents draw too similar faces (``variety``, after Mao et al., 2019, arXiv
    1903.05628). None of them asks for the hidden person's pixels, whose mean would be a blur.
    ``judged`` is what D made of the whole faces, in its own move: G's move needs it once more.
    """

    shown: ClassVar[int] = 96  # 32 faces, three latents each
    judged: tuple[Tensor, list[Tensor]] | None = None

    def __post_init__(self) -> None:
        if self.recipe.translation or self.recipe.noise:
            raise ValueError("a one-pass recipe has neither translation nor noise: set translation=0, noise=False")

    def examples(self, crops: FaceCrops, indices: Sequence[int]) -> Hidden:
        """Real faces, half of them mirrored and some of them as blurred as small ones, each with a hole of its own."""
        real, landmarks = crops.batch(indices), crops.landmarks[torch.as_tensor(indices)].clone()
        mirrored = _mirrored(self.recipe, len(real), self.random)
        real[mirrored] = real[mirrored].flip(3)
        exchanged = landmarks[mirrored][:, MIRRORED]
        exchanged[..., 0] = real.shape[3] - 1 - exchanged[..., 0]
        landmarks[mirrored] = exchanged
        real = enlarge(real, self.recipe.enlarged, self.random)
        holes = [random_hole(points, real.shape[3], self.random) for points in landmarks]
        return hide(real, landmarks, torch.cat(holes))

    def play(self, real: Hidden) -> Tensor:
        z = self.G.sample_z(len(real.crops), self.random).to(real.crops.device)
        return self.G(z, real.given)

    def discriminator_loss(self, real: Hidden, fake: Tensor, penalty: float) -> Tensor:
        logits, found = self.D(torch.cat([real.crops, real.filled(fake).detach()]), real.given.repeat(2, 1, 1, 1))
        whole, filled = logits.flatten().chunk(2)
        self.judged = whole.detach(), [part.chunk(2)[0].detach() for part in found]
        loss = relativistic_loss(whole, filled)
        if not penalty:
            return loss
        for images in (real.crops, real.filled(fake)):  # on both sides, as Huang et al. (2024, arXiv 2501.05441)
            loss = loss + penalty * gradient_penalty(lambda batch: self.D(batch, real.given)[0], images)
        return loss

    def generator_loss(self, real: Hidden, fake: Tensor) -> Tensor:
        recipe, filled, (whole, wanted) = self.recipe, real.filled(fake), self.judged
        logits, found = self.D(filled, real.given)
        apart = [F.l1_loss(a.float(), b.float()) for a, b in zip(found, wanted, strict=True)]
        context = inpainting.contextual_loss(fake, real.crops, inpainting.context_weights(real.visible)).mean()
        loss = relativistic_loss(logits.flatten(), whole) + recipe.context * context
        loss = loss + recipe.tone * tone_difference(filled, real.crops)
        loss = loss + recipe.matching * torch.stack(apart[-3:]).mean()
        return loss + recipe.variety * self._sameness(real, fake)

    def show(self, network: nn.Module, z: Tensor, crops: FaceCrops, truncation: float = 1.0) -> Tensor:
        """The first 32 of ``crops``, their faces hidden and drawn for the first latents (N, z_dim), for the next ..."""
        indices = torch.arange(len(z)) % min(len(crops), 32)
        landmarks, size = crops.landmarks[indices], network.resolution
        visible = torch.cat([masks.frame_mask("face", points, size) for points in landmarks])
        shown = hide(crops.batch(indices), landmarks, visible).to(z.device)
        return shown.filled(network(z, shown.given, truncation))

    def _sameness(self, real: Hidden, fake: Tensor, enough: float = 0.06) -> Tensor:
        """How much less than ``enough`` an eighth of the faces change with z: mean absolute difference of ``features``.

        In the hole. ``enough`` is about half of what two different people show there.
        """
        few = max(1, len(fake) // 8)
        z = self.G.sample_z(few, self.random).to(fake.device)
        holes = 1 - real.visible[:few]
        other = self.G(z, real.given[:few])
        apart = inpainting.contextual_loss(features(other), features(fake[:few]), F.adaptive_avg_pool2d(holes, 32))
        return F.relu(enough - apart).mean()


GAMES = {"dcgan": Sampling, "stylegan2": Sampling, "onepass": Completion}


def hide(crops: Tensor, landmarks: Tensor, visible: Tensor) -> Hidden:
    """Crops (N, 3, S, S) with holes where ``visible`` (N, 1, S, S) is 0; landmarks (N, 5, 2) in frame pixels."""
    return Hidden(crops, visible, onepass.conditions(crops, visible, landmarks))


def tone_difference(drawn: Tensor, real: Tensor) -> Tensor:
    """Mean absolute difference of the means of 8 x 8, 16 x 16 and 32 x 32 fields; (N, 3, S, S) twice -> scalar.

    What is finer is D's business: asked for every pixel of somebody it cannot see, G would draw the mean of many.
    """
    fields = [[F.adaptive_avg_pool2d(images, side) for images in (drawn, real)] for side in (8, 16, 32)]
    return torch.stack([F.l1_loss(*pair) for pair in fields]).mean()


def features(images: Tensor) -> Tensor:
    """What tells faces apart, whatever their light, skin and pores: detail between 1/8 and about 1/24 of the side.

    (N, 3, S, S) -> (N, 3, 32, 32): brows, lids, nose, lips as dark and bright, without the tone around them.
    """
    tone = F.interpolate(F.adaptive_avg_pool2d(images, 8), (32, 32), mode="bilinear", align_corners=False)
    # A mean of neighbours once more: a checkerboard is no face either.
    return F.avg_pool2d(F.adaptive_avg_pool2d(images, 32), 3, 1, 1, count_include_pad=False) - tone


def random_hole(landmarks: Tensor, size: int, random: torch.Generator) -> Tensor:
    """Visible pixels (1, 1, S, S) under one of the tool's masks, its outline moved and stretched a little.

    One in three loses a rectangle more: a neighbour's hole, or the photo's edge.
    """
    pick, stretch, right, down, more = torch.rand(5, generator=random).tolist()
    mask = "face" if pick < 0.6 else "centre-50" if pick < 0.8 else "centre-32"
    middle = landmarks.mean(0)
    moved = (landmarks - middle) * (0.85 + 0.6 * stretch) + middle
    moved = moved + (torch.tensor([right, down]).to(moved) - 0.5) * 0.06 * size
    visible = masks.frame_mask(mask, moved, size)
    if more < 1 / 3:
        left, top, width, height = (torch.rand(4, generator=random) * size).int().tolist()
        visible[..., top : top + 1 + height // 2, left : left + 1 + width // 2] = 0
    return visible


def _mirrored(recipe: Recipe, count: int, random: torch.Generator) -> Tensor:
    if not recipe.flips:
        return torch.zeros(count, dtype=torch.bool)
    return torch.rand(count, generator=random) < 0.5
