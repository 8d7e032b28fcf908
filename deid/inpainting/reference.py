"""Drawing with references: the detail of a person who does not exist, in the light of the photo.

After Bitouk et al. (SIGGRAPH 2008), "Face Swapping: Automatically Replacing Faces in Photographs". A one-pass
generator guesses what is hidden, a second network tells the kind of person that fits there: both choose a
reference. A third network joins it to what is visible.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.generators import WeightsError, load_generator
from deid.inpainting.guessing import Guesser, first_alike
from deid.inpainting.interface import MaskedFaces, Method, Step
from deid.inpainting.settings import Search
from deid.locks import BusyError
from deid.photo import alignment, masks
from deid.photo.alignment import DCGAN_FRAME, Frame
from deid.photo.faces import Face
from deid.references import casting, matching, people, refining
from deid.references.build import build
from deid.references.library import Library, LibraryError, default_path
from deid.references.matching import Sketch
from deid.references.rendering import render
from deid.references.sources import openpeople_portraits

SIZES = (256, 512, 1024)  # of a frame; a face has about as many pixels of detail as the photo has
PAUSE = 0.3  # seconds until it is looked again whether another process has built the library
FINENESS = 1.25  # photo pixels a frame pixel may cover


class ReferenceMethod(Method):
    """Faces of a library's people, fitted and harmonised."""

    family = "reference"
    iterative, smooth_rim, truncates = False, False, False
    detailed, joined, one_by_one, mask = True, True, True, "forehead"

    @classmethod
    def prepare(cls, weights: str = "") -> Iterator[tuple[int, int]]:
        """Build the library of the people that come with openpeople, where the user has none yet.

        Yields (0, 0) while another process builds it.
        """
        while not weights and not default_path().exists():
            try:
                for progress in build(openpeople_portraits(), default_path(), once=True):
                    yield progress.done, progress.total
            except BusyError:
                yield 0, 0
                time.sleep(PAUSE)

    def __init__(self, weights: str | Path, device: str = "cpu") -> None:
        for _ in self.prepare(str(weights or "")):
            pass
        self.library = _library(weights)
        if not len(self.library):
            raise LibraryError(
                f"{self.library.path}: holds no reference; run: python -m deid.references build"
            )
        self.guesser = Guesser(device)
        self.generator = self.guesser.generator
        self.files = [self.guesser.file, refining.WEIGHTS, self.library.path]

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

        The same person is shown twice only where no other is left, nor two that make a third. Raises
        ``LibraryError`` where the library has not the person that is asked for.
        """
        del search
        faces = faces.to("cpu")
        guess, views = self.guesser.guess(faces), first_alike(faces)
        known = [name for name in faces.avoid if people.knows(self.library, name)]
        shown = Counter(people.identity(self.library, name) for name in known)
        names, drawn = [], dict[tuple[int, str], Tensor]()
        for k in range(len(faces)):
            name = (faces.references or [""] * len(faces))[k]
            person = (faces.identities or [""] * len(faces))[k]
            sketch = guess.sketches[k] if faces.fitting else None
            name = name or self._choose(sketch, faces.seeds[k], shown, person)
            shown[people.identity(self.library, name)] += 1
            names.append(name)
            if (views[k], name) not in drawn:
                frame, visible = faces.crops[k : k + 1], faces.visible[k : k + 1]
                drawn[views[k], name] = render(self.library, name, frame, visible, faces.landmarks[k])  # type: ignore[index]
        images = torch.cat([drawn[view] for view in zip(views, names, strict=True)])
        nothing = torch.zeros(len(faces), 1, 1, 1)
        yield Step(0, {"contextual": guess.contextual}, images, images[:, None], nothing, names)

    def credit(self, reference: str) -> dict[str, str]:
        """The identity, source and licence of a person who was shown; of a pair those of both."""
        return people.credit(self.library, reference)

    def sample(self, z: Tensor, surroundings: Tensor) -> Tensor:
        """The faces of ``surroundings`` (K, 3, S, S), replaced one after the other -> (N, 3, R, R)."""
        count, size = len(z), self.frame.size
        around = F.interpolate(surroundings, (size, size), mode="bicubic").clamp(-1, 1)
        around = around[torch.arange(count) % len(surroundings)]
        points = self.frame.points()
        visible = masks.frame_mask(self.mask, points, size).expand(count, -1, -1, -1)
        masked = MaskedFaces(around, visible, list(range(count)), points.expand(count, 5, 2))
        (step,) = self.draw(masked)
        return (around * visible + step.images * (1 - visible)).clamp(-1, 1)

    def _choose(self, sketch: Sketch | None, seed: int, shown: Counter[str], person: str) -> str:
        """Who is shown where a sketch says who fits, or by lot."""
        if sketch is None:
            lots = torch.Generator().manual_seed(seed)
            distances = 1 + torch.rand(2, len(self.library), generator=lots)
        else:
            distances = matching.distances(self.library, sketch)
        same = casting.again(self.library, distances, person) if person else ""
        return same or casting.cast(self.library, distances, seed, shown)


def _library(weights: str | Path) -> Library:
    """The library in a file, else the user's own. A network that was given for one names its method."""
    try:
        return Library.open(weights or None)
    except LibraryError:
        family = ""
        with suppress(WeightsError):
            family = load_generator(str(weights)).family if weights else ""
        if not family:
            raise
    raise WeightsError(f"{weights}: a {family} network; use --method {family} with it")
