"""What a refining network learns from: faces with a hole, and a disturbed reference in it."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from deid.data.crops import FaceCrops
from deid.references import fitting, mattes, outlines
from deid.references.refining import SIDE
from deid.training import augmentation, disturbing

CANDIDATES = 64  # other faces, the one of whose pose fits best is the reference
MISSED = 0.012  # of the side: how far a reference's landmarks are from where they should be
CUT = 0.25  # share of references of which a side is not shown: a fringe, a hand
BENT = 0.02  # of the side


@dataclass(frozen=True)
class RefiningRecipe:
    """``images`` seen in all, in batches of ``batch``; Adam at ``learning_rate``, which falls to zero.

    ``own``: the share of references that show the hidden face itself. The discriminator joins after
    ``alone`` images, and weighs ``verdict``; ``enlarged`` faces are blurred first, like small ones;
    ``retoned`` ones get a darker or lighter skin. ``start`` names weights to go on from, in place of random
    ones.
    """

    images: int = 72_000
    batch: int = 16
    learning_rate: float = 6e-4
    own: float = 0.5
    alone: int = 24_000
    verdict: float = 0.01
    enlarged: float = 0.3
    retoned: float = 0.6
    start: str = ""
    seed: int = 0


@dataclass(frozen=True)
class RefiningBatch:
    """``faces`` (N, 3, 128, 128) as they were, where they are ``visible`` (N, 1, 128, 128), their
    ``landmarks`` (N, 5, 2); ``references`` and where these are shown, ``weight``; which of them show the
    hidden face itself, ``own`` (N,).
    """

    faces: Tensor
    visible: Tensor
    landmarks: Tensor
    references: Tensor
    weight: Tensor
    own: Tensor

    def part(self, chosen: slice) -> "RefiningBatch":
        """Some of the examples."""
        return RefiningBatch(*(getattr(self, field.name)[chosen] for field in fields(self)))


def make_examples(crops: FaceCrops) -> dict[str, Tensor]:
    """Crops and their mattes as bytes (N, C, 128, 128), landmarks (N, 5, 2) in pixels."""
    crops, parts = crops.at(SIDE), []
    for index, landmarks in enumerate(crops.landmarks):
        parts.append(mattes.matte(crops[index][None], (landmarks + 0.5) / SIDE).mul(255).round().byte())
    return {"faces": crops.bytes(), "mattes": torch.cat(parts), "landmarks": crops.landmarks}


def draw_batch(examples: dict[str, Tensor], recipe: RefiningRecipe, random: torch.Generator) -> RefiningBatch:
    """Random examples, some mirrored, with a disturbed reference for each."""
    count = recipe.batch
    rows = torch.randint(len(examples["faces"]), (count,), generator=random)
    mirrored = torch.rand(count, generator=random) < 0.5
    faces = augmentation.mirror(_floats(examples["faces"][rows]), mirrored)
    landmarks = augmentation.mirror_landmarks(examples["landmarks"][rows], mirrored, SIDE)
    own = torch.rand(count, generator=random) < recipe.own
    shown = [
        _crop(examples, int(rows[k]), bool(mirrored[k])) if own[k] else _other(examples, landmarks[k], random)
        for k in range(count)
    ]
    fitted = torch.cat([_fitted(*shown[k], landmarks[k], random) for k in range(count)])
    fitted = disturbing.moved(fitted, random, BENT)
    holes = augmentation.HOLES_OF_REFERENCES
    visible = torch.cat([augmentation.random_hole(points, SIDE, random, holes) for points in landmarks])
    inside = [outlines.within(points) for points in landmarks]
    weight = [outlines.skin(fitted[k : k + 1, 3:], inside[k]) * _uncut(random) for k in range(count)]
    skins = augmentation.mirror(_floats(examples["mattes"][rows]), mirrored).add(1).div(2)
    faces = disturbing.retoned(faces, skins, recipe.retoned, random)
    blurred = augmentation.enlarge(faces, recipe.enlarged, random)
    references = disturbing.recoloured(fitted[:, :3], random)
    return RefiningBatch(blurred, visible, landmarks, references, torch.cat(weight) * (1 - visible), own)


def _other(examples: dict[str, Tensor], landmarks: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Another face of much the same pose, as ``_crop``."""
    rows = torch.randint(len(examples["faces"]), (CANDIDATES,), generator=random)
    mirrored = torch.rand(CANDIDATES, generator=random) < 0.5
    points = augmentation.mirror_landmarks(examples["landmarks"][rows], mirrored, SIDE)
    distance = (points - landmarks).norm(dim=2).mean(1)
    best = distance.argsort()[1 if distance.min() < 1e-3 else 0]
    return _crop(examples, int(rows[best]), bool(mirrored[best]))


def _crop(examples: dict[str, Tensor], row: int, mirrored: bool) -> tuple[Tensor, Tensor]:
    """A face with its matte (1, 4, 128, 128), and its landmarks (5, 2) as fractions."""
    crop = torch.cat(
        [_floats(examples["faces"][row : row + 1]), _floats(examples["mattes"][row : row + 1])], 1
    )
    points = (examples["landmarks"][row] + 0.5) / SIDE
    return fitting.mirror(crop, points) if mirrored else (crop, points)


def _fitted(crop: Tensor, own: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
    """A crop with its matte at about the landmarks (5, 2) of a face -> (1, 4, 128, 128)."""
    target = landmarks + MISSED * SIDE * torch.randn(5, 2, generator=random)
    return fitting.warp(crop, own * SIDE - 0.5, target)


def _uncut(random: torch.Generator) -> Tensor:
    """Ones (1, 1, 128, 128), sometimes zeros beyond a line."""
    pick, turn, part = torch.rand(3, generator=random).tolist()
    if pick >= CUT:
        return torch.ones(1, 1, SIDE, SIDE)
    angle = torch.tensor(2 * torch.pi * turn)
    steps = torch.arange(SIDE, dtype=torch.float32) - SIDE / 2
    beyond = steps[None] * angle.cos() + steps[:, None] * angle.sin() > SIDE * (0.12 + 0.3 * part)
    return (~beyond).float()[None, None]


def _floats(images: Tensor) -> Tensor:
    return images.float().div(127.5).sub(1)
