"""What is known of a hidden face: a one-pass generator's guess, and the kind of person that fits there."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.generators import load_generator, onepass
from deid.generators.weights import loading
from deid.inpainting.interface import MaskedFaces
from deid.losses import context_weights, contextual_loss
from deid.photo.colour import exposed, exposure
from deid.photo.resampling import enlarge, shrink
from deid.recognition import coherence
from deid.references import matching
from deid.references.matching import Sketch

GENERATOR = "onepass-128"
SEED, TRUNCATION = 1, 0.0  # of the guess: the mean person, for tone and light are wanted, not a face
LAST = 2  # batches that are not guessed again: the check asks for several people in one view


@dataclass(frozen=True)
class Guess:
    """Of F faces: ``pictures`` (F, 3, R, R) with a guess where they are hidden, what it says of each, and
    contextual losses (F,): a guess that misses what is visible is not to be trusted.
    """

    pictures: Tensor
    sketches: Sequence[Sketch]
    contextual: Tensor

    def frames(self, faces: MaskedFaces) -> Tensor:
        """The frames (F, 3, S, S) that were guessed for, with the guess where they are hidden."""
        large = enlarge(self.pictures, faces.crops.shape[3]).clamp(-1, 1)
        return faces.crops * faces.visible + large * (1 - faces.visible)


class Guesser:
    """The generator behind a guess, and the network that tells the kind of person; only the first works on
    ``device``.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.generator, self.device = load_generator(GENERATOR, device), device
        self.file: Path = loading.locate(GENERATOR)
        self._last: deque[tuple[tuple[Tensor, ...], Guess]] = deque(maxlen=LAST)

    def guess(self, faces: MaskedFaces) -> Guess:
        """Guess what is hidden; a view that is there several times is guessed once.

        Raises ``ValueError`` where the landmarks are missing.
        """
        if faces.landmarks is None:
            raise ValueError("drawing with references needs the landmarks of each face")
        first = first_alike(faces)
        own = [k for k, earlier in enumerate(first) if k == earlier]
        found = self._of_views((faces.crops[own], faces.visible[own], faces.landmarks[own]))
        rows = [own.index(k) for k in first]
        spans = faces.spans or [0.0] * len(rows)
        sketches = [replace(found.sketches[row], span=span) for row, span in zip(rows, spans, strict=True)]
        return Guess(found.pictures[rows], sketches, found.contextual[rows])

    def _of_views(self, views: tuple[Tensor, Tensor, Tensor]) -> Guess:
        """The guess for crops, visible pixels and landmarks: one of the last, where these are the same."""
        for known, guess in self._last:
            if all(torch.equal(*pair) for pair in zip(known, views, strict=True)):
                return guess
        guess = self._guess(*views)
        self._last.append((views, guess))
        return guess

    @torch.no_grad()
    def _guess(self, whole: Tensor, seen: Tensor, landmarks: Tensor) -> Guess:
        count, size, side = len(whole), whole.shape[3], self.generator.resolution
        # A pixel of the small view is visible only if all that went into it is.
        visible = 1 - F.max_pool2d(1 - seen, size // side)
        crops = shrink(whole, side) * visible
        gain = exposure(crops, visible)  # the generator has learned from photos that are not dark
        crops = exposed(crops, gain) * visible
        places = ((landmarks + 0.5) / size).float()
        given = onepass.conditions(crops, visible, places * side - 0.5)
        z = self.generator.sample_z(1, torch.Generator().manual_seed(SEED)).expand(count, -1)
        drawn = self.generator(z.to(self.device), given.to(self.device), TRUNCATION).cpu()
        off = contextual_loss(drawn, crops, context_weights(visible))
        frames = (crops * visible + drawn * (1 - visible)).clamp(-1, 1)
        pictures = shrink(frames, matching.SIDE)
        rows = zip(places, pictures.split(1), _kinds(whole, seen, places), strict=True)
        return Guess(exposed(frames, 1 / gain), [Sketch(*row) for row in rows], off)


def first_alike(faces: MaskedFaces) -> list[int]:
    """For each face the first one that is seen in the same view, with its landmarks in the same places."""
    assert faces.landmarks is not None
    first: list[int] = []
    for k in range(len(faces)):
        same = (
            j
            for j in sorted(set(first))
            if all(torch.equal(part[j], part[k]) for part in (faces.visible, faces.crops, faces.landmarks))
        )
        first.append(next(same, k))
    return first


def _kinds(whole: Tensor, seen: Tensor, places: Tensor) -> Tensor:
    """The kinds of person (F, 64) that fit around the holes, told from visible pixels alone."""
    side, size = coherence.SIDE, whole.shape[3]
    # As for the guess: visible in the small view is only what no hidden pixel went into.
    visible = 1 - F.max_pool2d(1 - seen, size // side)
    crops = shrink(whole, side)
    return coherence.kinds_around(crops, visible, places)
