"""What a relighting network learns from: faces with a hole, a guess in it, and a disturbed reference."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.data.crops import FaceCrops
from deid.generators import load_generator, onepass
from deid.photo import masks
from deid.photo.colour import exposed, exposure
from deid.references import relighting
from deid.references.relighting import SIDE
from deid.training import augmentation, disturbing

GUESSER = "onepass-128"
COMPARED = 32  # side of what is compared: the network's fields are smoother


@dataclass(frozen=True)
class RelightingRecipe:
    """``images`` seen in all, in batches of ``batch``; Adam at ``learning_rate``, which falls to zero.

    Shares: ``own``, of references that show the hidden face itself; ``blind``, of frames without a guess.
    """

    images: int = 56_000
    batch: int = 32
    learning_rate: float = 2e-3
    own: float = 0.5
    blind: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class RelightingBatch:
    """``given`` (N, 8, 64, 64) to the network; and at 32 px: the ``faces`` as they were, the ``references``,
    where these are shown, ``weight`` (N, 1, 32, 32), and which show the hidden face itself, ``own`` (N,).
    """

    given: Tensor
    faces: Tensor
    references: Tensor
    weight: Tensor
    own: Tensor


@torch.no_grad()
def make_examples(crops: FaceCrops, seed: int, batch: int = 32) -> dict[str, Tensor]:
    """A hole in each crop, and a guess in it: bytes (N, C, 64, 64), landmarks (N, 5, 2) at 64 px."""
    generator, random = load_generator(GUESSER), torch.Generator().manual_seed(seed)
    crops, side = crops.at(generator.resolution), generator.resolution
    z = generator.sample_z(1, torch.Generator().manual_seed(1))
    parts: list[tuple[Tensor, ...]] = []
    for indices in torch.arange(len(crops)).split(batch):
        faces, landmarks = crops.batch(indices), crops.landmarks[indices]
        visible = torch.cat([augmentation.random_hole(points, side, random) for points in landmarks])
        given = onepass.conditions(faces, visible, landmarks)
        guess = generator(z.expand(len(indices), -1), given, 0.0).clamp(-1, 1)
        seen = 1 - F.max_pool2d(1 - visible, side // SIDE)
        small = [_bytes(F.interpolate(part, (SIDE, SIDE), mode="area")) for part in (faces, guess)]
        parts.append((*small, seen.byte(), (landmarks + 0.5) * SIDE / side - 0.5))
    names = ("faces", "guesses", "visible", "landmarks")
    return dict(zip(names, map(torch.cat, zip(*parts, strict=True)), strict=True))


def draw_batch(
    examples: dict[str, Tensor], recipe: RelightingRecipe, random: torch.Generator
) -> RelightingBatch:
    """Random examples, some mirrored, with a disturbed reference for each."""
    count = recipe.batch
    rows = torch.randint(len(examples["faces"]), (count,), generator=random)
    mirrored = torch.rand(count, generator=random) < 0.5
    faces, guesses = (_floats(examples[name][rows]) for name in ("faces", "guesses"))
    visible, landmarks = examples["visible"][rows].float(), examples["landmarks"][rows]
    faces, guesses, visible = (augmentation.mirror(part, mirrored) for part in (faces, guesses, visible))
    landmarks = augmentation.mirror_landmarks(landmarks, mirrored, SIDE)
    own = torch.rand(count, generator=random) < recipe.own
    references = torch.where(own[:, None, None, None], faces, faces.roll(1, 0))
    references = disturbing.disturbed(references, random)
    gain = exposure(faces, visible)  # as at use
    faces, guesses = exposed(faces, gain), exposed(guesses, gain)
    blind = torch.rand(count, 1, 1, 1, generator=random) < recipe.blind
    frames = faces * visible + guesses.masked_fill(blind, 0.0) * (1 - visible)
    weight = torch.cat([random_weight(points, random) for points in landmarks]) * (1 - visible)
    given = relighting.conditions(frames, visible, references, weight)
    faces, references, weight = (F.avg_pool2d(part, SIDE // COMPARED) for part in (faces, references, weight))
    return RelightingBatch(given, faces, references, weight, own)


def random_weight(landmarks: Tensor, random: torch.Generator) -> Tensor:
    """Where a reference may be shown, (1, 1, 64, 64): in a face's outline, sometimes without a side of it."""
    size, cut, turn, part = torch.rand(4, generator=random).tolist()
    middle = landmarks.mean(0)
    shown = 1 - masks.frame_mask("face", (landmarks - middle) * (0.8 + 0.6 * size) + middle, SIDE)
    if cut < 0.4:  # a fringe, a hand, hair over a cheek
        angle = torch.tensor(2 * torch.pi * turn)
        steps = torch.arange(SIDE, dtype=torch.float32) - SIDE / 2
        beyond = steps[None] * angle.cos() + steps[:, None] * angle.sin() > SIDE * (0.12 + 0.3 * part)
        shown = shown * (~beyond).float()
    return shown


def _bytes(images: Tensor) -> Tensor:
    return ((images + 1) * 127.5).round().clamp(0, 255).byte()


def _floats(images: Tensor) -> Tensor:
    return images.float().div(127.5).sub(1)
