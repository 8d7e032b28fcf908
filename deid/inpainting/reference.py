"""Drawing with references: the detail of a person who does not exist, in the light of the photo.

After Bitouk et al. (SIGGRAPH 2008), "Face Swapping: Automatically Replacing Faces in Photographs". A one-pass
generator guesses what is hidden; the guess gives tone, light and the kind of person, a reference gives the
face.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.generators import load_generator, onepass
from deid.generators.weights import loading
from deid.inpainting.interface import MaskedFaces, Method, Step
from deid.inpainting.settings import Search
from deid.losses import context_weights, contextual_loss
from deid.photo import alignment, masks
from deid.photo.alignment import DCGAN_FRAME, Frame
from deid.photo.blending import gaussian
from deid.photo.faces import Face, from_landmarks
from deid.photo.masks import dilate
from deid.photo.resampling import enlarge
from deid.recognition import openface
from deid.references import fitting, harmonizing, matching
from deid.references.build import build
from deid.references.library import Library, LibraryError, default_path
from deid.references.matching import Sketch
from deid.references.sources import openpeople_portraits

GUESS = "onepass-128"
SIZES = (256, 512, 1024)  # of a frame; a face has about as many pixels of detail as the photo has
FINENESS = 1.25  # photo pixels a frame pixel may cover
GUESSES = ((1, 0.0), (2, 0.5))  # seed and truncation of each; the first gives tone and light
MIRRORED = ":mirrored"


class ReferenceMethod(Method):
    """Faces of a library's people, fitted and harmonised."""

    family = "reference"
    iterative, smooth_rim, truncates, detailed = False, False, False, True

    @classmethod
    def prepare(cls, weights: str = "") -> Iterator[tuple[int, int]]:
        """Build the library of the people that come with openpeople, where the user has none yet."""
        if not weights and not default_path().exists():
            for progress in build(openpeople_portraits(), default_path()):
                yield progress.done, progress.total

    def __init__(self, weights: str | Path, device: str = "cpu") -> None:
        for _ in self.prepare(str(weights or "")):
            pass
        self.library = Library.open(weights or None)
        if not len(self.library):
            raise LibraryError(
                f"{self.library.path}: holds no reference; run: python -m deid.references build"
            )
        self.generator, self.device = load_generator(GUESS, device), device
        self.files = [loading.locate(GUESS), self.library.path]
        self.identities = [reference.identity for reference in self.library.references]
        self.names = {f"{r.source}/{r.name}": r.index for r in self.library.references}

    @property
    def frame(self) -> Frame:
        """The frame of a face of ordinary size."""
        return DCGAN_FRAME.resized(SIZES[0])

    def frame_for(self, face: Face) -> Frame:
        """A frame as fine as the photo, up to 1,024 px."""
        needed = alignment.scale(self.frame.matrix(face)) * SIZES[0] / FINENESS
        return DCGAN_FRAME.resized(next((size for size in SIZES if size >= needed), SIZES[-1]))

    @torch.no_grad()
    def draw(self, faces: MaskedFaces, search: Search | None = None) -> Iterator[Step]:
        """The only step is the result; its ``references`` name who was shown for each face.

        The same person is shown twice only where no other is left.
        """
        del search
        faces, landmarks = faces.to("cpu"), faces.landmarks  # only the generator works on the device
        if landmarks is None:
            raise ValueError("drawing with references needs the landmarks of each face")
        size = faces.crops.shape[3]
        guesses, sketches, losses = self._guess(faces)
        shown = {
            self.identities[self.names[_bare(name)]] for name in faces.avoid if _bare(name) in self.names
        }
        fills, names = [], []
        for k in range(len(faces)):
            name = (faces.references or [""] * len(faces))[k] or self._choose(
                sketches[k], faces.seeds[k], shown
            )
            shown.add(self.identities[self.names[_bare(name)]])
            fills.append(self._fit(guesses[k : k + 1], name, landmarks[k], size))
            names.append(name)
        images = torch.cat(fills)
        yield Step(
            0, {"contextual": losses}, images, images[:, None], torch.zeros(len(faces), 1, 1, 1), names
        )

    def credit(self, reference: str) -> dict[str, str]:
        """The identity, source and licence of a reference that was shown."""
        known = self.library.references[self.names[_bare(reference)]]
        return {"identity": known.identity, "source": known.source, "licence": known.licence}

    def sample(self, z: Tensor, surroundings: Tensor) -> Tensor:
        """The faces of ``surroundings`` (K, 3, S, S), replaced one after the other -> (N, 3, R, R)."""
        count, size = len(z), self.frame.size
        around = F.interpolate(surroundings, (size, size), mode="bicubic").clamp(-1, 1)
        around = around[torch.arange(count) % len(surroundings)]
        points = self.frame.points()
        visible = masks.frame_mask("face", points, size).expand(count, -1, -1, -1)
        masked = MaskedFaces(around, visible, list(range(count)), points.expand(count, 5, 2))
        (step,) = self.draw(masked)
        return (around * visible + step.images * (1 - visible)).clamp(-1, 1)

    def _guess(self, faces: MaskedFaces) -> tuple[Tensor, list[Sketch], Tensor]:
        """Frames (F, 3, S, S) with a guess where they are hidden, and what it says of each face.

        And contextual losses (F,): a guess that misses what is visible is not to be trusted.
        """
        count, size, side = len(faces), faces.crops.shape[3], self.generator.resolution
        # A pixel of the small view is visible only if all that went into it is.
        visible = 1 - F.max_pool2d(1 - faces.visible, size // side)
        crops = F.interpolate(faces.crops, (side, side), mode="area") * visible
        places = ((faces.landmarks + 0.5) / size).float()  # type: ignore[operator, union-attr]
        given = onepass.conditions(crops, visible, places * side - 0.5)
        frames, off = [], []
        for seed, truncation in GUESSES:
            z = self.generator.sample_z(1, torch.Generator().manual_seed(seed)).expand(count, -1)
            drawn = self.generator(z.to(self.device), given.to(self.device), truncation).cpu()
            off.append(contextual_loss(drawn, crops, context_weights(visible)))
            frames.append((crops * visible + drawn * (1 - visible)).clamp(-1, 1))
        people = self._person(torch.cat(frames), places.repeat(len(frames), 1, 1)).unflatten(0, (-1, count))
        pictures = F.interpolate(frames[0], (matching.SIDE,) * 2, mode="area")
        rows = zip(places, pictures.split(1), F.normalize(people.mean(0), dim=1), strict=True)
        large = enlarge(frames[0], size).clamp(-1, 1)
        return (
            faces.crops * faces.visible + large * (1 - faces.visible),
            [Sketch(*row) for row in rows],
            off[0],
        )

    def _person(self, frames: Tensor, places: Tensor) -> Tensor:
        """Embeddings (F, D) of frames (F, 3, R, R) whose landmarks are at ``places`` (F, 5, 2)."""
        larger = F.interpolate(frames, scale_factor=2.0, mode="bicubic").clamp(-1, 1)
        side = larger.shape[3]
        faces = [from_landmarks(points.double() * side - 0.5) for points in places]
        return openface.embed_each(larger, faces)

    def _choose(self, sketch: Sketch, seed: int, shown: set[str]) -> str:
        distance = matching.distances(self.library, sketch)
        index, mirrored = matching.choose(distance, self.identities, seed, shown)
        reference = self.library.references[index]
        return f"{reference.source}/{reference.name}{MIRRORED if mirrored else ''}"

    def _fit(self, guess: Tensor, name: str, landmarks: Tensor, size: int) -> Tensor:
        """The reference ``name`` at the landmarks (5, 2), in the light of ``guess`` (1, 3, S, S)."""
        index = self.names[_bare(name)]
        crop, own = self.library.crop(index, size), self.library.landmarks[index]
        matte = self.library.mattes[index : index + 1].float() / 255
        both = torch.cat([crop, F.interpolate(matte, (size, size), mode="bilinear")], 1)
        if name.endswith(MIRRORED):
            both, own = fitting.mirror(both, own)
        warped = fitting.warp(both, own * size - 0.5, landmarks)
        face, matte = warped[:, :3], warped[:, 3:]
        weight = _inner(matte, landmarks, size)
        return harmonizing.compose(guess, harmonizing.harmonize(guess, face, weight), weight)


def _inner(matte: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """Where a reference is shown (1, 1, S, S): its own skin, inside the outline of the face."""
    outline = 1 - masks.frame_mask("face", landmarks.double(), size)
    inside = F.interpolate(outline * (matte > 0.5), (matching.SIDE * 2,) * 2, mode="area")
    smooth = (gaussian(inside, 1.5) > 0.6).float()
    return (F.interpolate(1 - dilate(1 - smooth, 1), (size, size), mode="bilinear") > 0.5).float()


def _bare(name: str) -> str:
    return name.removesuffix(MIRRORED)
