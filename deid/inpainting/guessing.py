"""What is known of a hidden face: a one-pass generator's guess, and the kind of person that it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.generators import load_generator, onepass
from deid.generators.weights import loading
from deid.inpainting.interface import MaskedFaces
from deid.losses import context_weights, contextual_loss
from deid.photo.colour import exposed, exposure
from deid.photo.faces import from_landmarks
from deid.photo.resampling import enlarge
from deid.recognition import openface
from deid.references import matching
from deid.references.matching import Sketch

GENERATOR = "onepass-128"
DRAWN = ((1, 0.0), (2, 0.5))  # seed and truncation of each guess; the first gives tone and light


@dataclass(frozen=True)
class Guess:
    """Of F faces: ``frames`` (F, 3, S, S) with a guess where they are hidden, what it says of each, and
    contextual losses (F,): a guess that misses what is visible is not to be trusted.
    """

    frames: Tensor
    sketches: Sequence[Sketch]
    contextual: Tensor


class Guesser:
    """What guesses; only the generator works on ``device``."""

    def __init__(self, device: str = "cpu") -> None:
        self.generator, self.device = load_generator(GENERATOR, device), device
        self.file: Path = loading.locate(GENERATOR)

    @torch.no_grad()
    def guess(self, faces: MaskedFaces) -> Guess:
        """Guess what is hidden. Raises ``ValueError`` where the landmarks are missing."""
        if faces.landmarks is None:
            raise ValueError("drawing with references needs the landmarks of each face")
        count, size, side = len(faces), faces.crops.shape[3], self.generator.resolution
        # A pixel of the small view is visible only if all that went into it is.
        visible = 1 - F.max_pool2d(1 - faces.visible, size // side)
        crops = F.interpolate(faces.crops, (side, side), mode="area") * visible
        gain = exposure(crops, visible)  # the generator has learned from photos that are not dark
        crops = exposed(crops, gain) * visible
        places = ((faces.landmarks + 0.5) / size).float()
        given = onepass.conditions(crops, visible, places * side - 0.5)
        frames, off = [], []
        for seed, truncation in DRAWN:
            z = self.generator.sample_z(1, torch.Generator().manual_seed(seed)).expand(count, -1)
            drawn = self.generator(z.to(self.device), given.to(self.device), truncation).cpu()
            off.append(contextual_loss(drawn, crops, context_weights(visible)))
            frames.append((crops * visible + drawn * (1 - visible)).clamp(-1, 1))
        people = self._person(torch.cat(frames), places.repeat(len(frames), 1, 1)).unflatten(0, (-1, count))
        pictures = F.interpolate(frames[0], (matching.SIDE,) * 2, mode="area")
        rows = zip(places, pictures.split(1), F.normalize(people.mean(0), dim=1), strict=True)
        large = enlarge(exposed(frames[0], 1 / gain), size).clamp(-1, 1)
        shown = faces.crops * faces.visible + large * (1 - faces.visible)
        return Guess(shown, [Sketch(*row) for row in rows], off[0])

    def _person(self, frames: Tensor, places: Tensor) -> Tensor:
        """Embeddings (F, D) of frames (F, 3, R, R) whose landmarks are at ``places`` (F, 5, 2)."""
        larger = F.interpolate(frames, scale_factor=2.0, mode="bicubic").clamp(-1, 1)
        side = larger.shape[3]
        faces = [from_landmarks(points.double() * side - 0.5) for points in places]
        return openface.embed_each(larger, faces)
