"""What the two towers are shown: a face's surroundings and its embedding, with no light in common."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import locks, storage
from deid.data.crops import FaceCrops
from deid.photo import masks
from deid.recognition import coherence, recognisers
from deid.recognition.coherence import SIDE
from deid.training import augmentation
from deid.training.coherence.relighting import relight

HOLES = ("face", "face-120", "face-140")
PART = 250  # faces that are embedded before anything is stored
NEIGHBOUR = 0.15  # share of faces that lose a rectangle more, to a neighbour's hole


@dataclass(frozen=True)
class Views:
    """Both sides of N faces: ``around`` (N, 3, 64, 64) with ``visible`` (N, 1, 64, 64) and ``landmarks``
    (N, 5, 2) as fractions, and ``embeddings`` (N, 128).
    """

    around: Tensor
    visible: Tensor
    landmarks: Tensor
    embeddings: Tensor


class Examples:
    """The crops of one source at 64 px, with their outlines; those at ``chosen`` positions only."""

    def __init__(self, crops: FaceCrops, chosen: Sequence[int], embeddings: Tensor) -> None:
        self.crops, self.chosen, self.embeddings = crops.at(SIDE), torch.as_tensor(chosen), embeddings
        self.landmarks = (self.crops.landmarks[self.chosen] + 0.5) / SIDE
        self.depth = torch.stack([_depth(points) for points in self.landmarks])
        # Where the nose lies between the eyes and the mouth says how far a head is turned.
        self.turned = self.landmarks[:, 2, 0] - self.landmarks[:, [0, 1, 3, 4], 0].mean(1)

    def __len__(self) -> int:
        return len(self.chosen)

    def batches(self, size: int, random: torch.Generator) -> list[Tensor]:
        """Every face once, in whole batches of faces that are turned about as far, in random order.

        Faces that look the same way have to be told apart by something else.
        """
        spread = self.turned.std() * torch.randn(len(self), generator=random)
        mirrored = torch.rand(len(self), generator=random) < 0.5
        order = (torch.where(mirrored, self.turned, -self.turned) + spread / 2).argsort()
        start = int(torch.randint(0, max(1, len(self) % size + 1), (1,), generator=random))
        parts = order[start:].split(size)
        return [parts[k] for k in torch.randperm(len(parts), generator=random) if len(parts[k]) == size]

    def views(self, indices: Tensor, random: torch.Generator, strength: float = 1.0) -> Views:
        """Both views of the faces at ``indices``, each mirrored together or not, changed independently."""
        crops = self.crops.batch(self.chosen[indices])
        depth, landmarks = self.depth[indices].float()[:, None], self.landmarks[indices]
        mirrored = torch.rand(len(crops), generator=random) < 0.5 * bool(strength)
        crops, depth = augmentation.mirror(crops, mirrored), augmentation.mirror(depth, mirrored)
        landmarks = augmentation.mirror_landmarks(landmarks * SIDE - 0.5, mirrored, SIDE)
        landmarks = (landmarks + 0.5) / SIDE + 0.006 * strength * torch.randn(
            landmarks.shape, generator=random
        )
        hole = (depth >= _smallest_depth(len(crops), random)).float()
        # The hole is empty before anything is blurred, so that nothing of the face gets out of it.
        around, hole = _moved(relight(crops * (1 - hole), random, strength), hole, random, strength)
        hole = torch.maximum(hole, _neighbours(len(crops), random) * bool(strength))
        return Views(around, (hole < 0.02).float(), landmarks, self.embeddings[indices])


def embed_relit(crops: FaceCrops, chosen: Sequence[int], folder: Path, strength: float) -> Iterator[Tensor]:
    """The recogniser's embeddings (K, 128) of the crops at ``chosen`` in other light, part by part.

    Parts that are in ``folder`` are not made again. Raises ``LockError`` where another process makes them.
    """
    crops = crops.at(SIDE)

    def make(part: list[int], start: int) -> dict[str, Tensor]:
        relit = relight(crops.batch(part), torch.Generator().manual_seed(start), strength)
        return {"embeddings": recognisers.embed_crops(coherence.RECOGNISER, relit, crops.landmarks[part], 2)}

    with storage.only_one(folder, [folder], locks.outside(folder, folder)):
        for start in range(0, len(chosen), PART):
            part = list(chosen[start : start + PART])
            path = folder / f"{start:06}.safetensors"
            yield storage.cached(path, partial(make, part, start))["embeddings"]


def kept_apart(crops: FaceCrops, share: float) -> tuple[list[int], list[int]]:
    """Positions of the crops to learn from, and of a ``share`` that is held out, told by their files' names.

    The same photo is always on the same side, whatever else is in the folder.
    """
    sides: tuple[list[int], list[int]] = ([], [])
    for k, path in enumerate(crops.paths):
        sides[is_held_out(path.stem.rpartition("-")[0].partition(".")[0], share)].append(k)
    return sides


def is_held_out(name: str, share: float) -> bool:
    """Whether a photo's name falls into the ``share`` that is held out."""
    return zlib.crc32(name.encode()) % 1000 < 1000 * share


def _depth(landmarks: Tensor) -> Tensor:
    """How many outlines each pixel lies in: (5, 2) -> (64, 64), 0 is far outside."""
    points = landmarks.double() * SIDE - 0.5
    return sum((masks.frame_mask(name, points, SIDE)[0, 0] < 0.5).byte() for name in HOLES)  # type: ignore


def _smallest_depth(count: int, random: torch.Generator) -> Tensor:
    """The smallest depth that is hidden, for each face: half of the holes are the usual ones."""
    pick = torch.rand(count, 1, 1, 1, generator=random)
    return 1.0 + (pick > 0.25) + (pick > 0.5)


def _neighbours(count: int, random: torch.Generator) -> Tensor:
    """What else is hidden (N, 1, 64, 64): a part beyond a vertical line, for a few faces."""
    steps = torch.arange(SIDE) / SIDE
    share, side, lost = torch.rand(3, count, 1, 1, 1, generator=random)
    beyond = torch.where(side < 0.5, steps, 1 - steps) < 0.35 * share
    return (beyond & (lost < NEIGHBOUR)).float().expand(count, 1, SIDE, SIDE)


def _moved(images: Tensor, mask: Tensor, random: torch.Generator, strength: float) -> tuple[Tensor, Tensor]:
    """Images and their masks a little turned, enlarged and shifted; nothing comes in from outside."""
    if not strength:
        return images, mask
    count = len(images)
    turn, larger, right, down = (torch.rand(4, count, generator=random) * 2 - 1) * strength
    cosine, sine = (0.08 * turn).cos(), (0.08 * turn).sin()
    size = (0.06 * larger).exp()
    rows = [torch.stack([size * cosine, -size * sine, 0.06 * right], 1)]
    rows += [torch.stack([size * sine, size * cosine, 0.06 * down], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), [count, 4, SIDE, SIDE], align_corners=False)
    both = torch.cat([images, mask], 1)
    moved = F.grid_sample(both, grid, padding_mode="border", align_corners=False)
    return moved[:, :3], moved[:, 3:]
