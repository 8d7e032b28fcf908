"""What every method that draws a face is given, what it answers, and what it says about itself."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from deid.generators import frame_of
from deid.inpainting.settings import TRUNCATION, Search
from deid.photo.alignment import Frame
from deid.photo.faces import Face


@dataclass(frozen=True)
class MaskedFaces:
    """F faces with holes: all that a method is told.

    ``crops`` (F, 3, S, S), whose hidden pixels are set to zero here once more; ``visible`` (F, 1, S, S) as 0
    or 1; a seed for each face; ``landmarks`` (F, 5, 2) in frame pixels, for methods that ask where eyes and
    mouth are to be; ``truncation``, one or F: how far a person may be from the mean one; ``spans``, F: how
    many pixels of the photo a frame is wide, for methods that ask how fine a face is to be; ``references``, F
    names of a library's pictures ("": the method chooses), or ``identities``, F of its people to choose a
    picture of, and which names to ``avoid``, each as often as it is shown already; without ``fitting`` it
    chooses by lot. Raises ``ValueError`` on shapes that do not fit.
    """

    crops: Tensor
    visible: Tensor
    seeds: Sequence[int]
    landmarks: Tensor | None = None
    truncation: float | Sequence[float] = TRUNCATION
    spans: Sequence[float] = ()
    references: Sequence[str] = ()
    avoid: Collection[str] = ()
    identities: Sequence[str] = ()
    fitting: bool = True

    def __post_init__(self) -> None:
        crops, visible, count = self.crops, self.visible, len(self.seeds)
        if crops.shape[2:] != visible.shape[2:] or len(crops) != len(visible) or len(crops) != count:
            raise ValueError(
                f"crops {tuple(crops.shape)}, visible {tuple(visible.shape)}, {count} seeds do not fit"
            )
        object.__setattr__(self, "crops", crops * visible)

    def __len__(self) -> int:
        return len(self.seeds)

    def to(self, device: str | torch.device) -> "MaskedFaces":
        """The same on another device."""
        return replace(self, crops=self.crops.to(device), visible=self.visible.to(device))


@dataclass
class Step:
    """One iteration of F faces.

    ``losses`` by name, each (F,), and ``images`` (F, 3, S, S) are those of the best latent of each face.
    Every surviving candidate is in ``candidates`` (F, K, 3, S, S), drawn from ``latents`` (F, K, L, d).
    ``references`` are the names of the references that the faces were drawn with, if any.
    """

    iteration: int
    losses: dict[str, Tensor]
    images: Tensor
    candidates: Tensor
    latents: Tensor
    references: Sequence[str] = ()


class Method(ABC):
    """A way to draw faces: one network, or a pair, with its weights.

    A subclass says how it goes about it: ``iterative`` if its steps show progress, ``smooth_rim`` if its
    fills need a smooth rim, ``truncates`` if it heeds ``MaskedFaces.truncation``, ``detailed`` if its fills
    may be sharper than the photo, ``joined`` if they go on from what is visible without a seam,
    ``one_by_one`` if it draws a face after the other, and no loss says which of several fits better. ``mask``
    is what it hides of a face unless it is told otherwise.
    """

    iterative: ClassVar[bool]
    smooth_rim: ClassVar[bool]
    truncates: ClassVar[bool]
    detailed: ClassVar[bool] = False
    joined: ClassVar[bool] = False
    one_by_one: ClassVar[bool] = False
    mask: ClassVar[str] = "face"

    generator: Any  # a FaceGenerator of this method's kind
    files: list[Path]  # the weights that it draws with

    @abstractmethod
    def __init__(self, weights: str | Path, device: str = "cpu") -> None:
        """Load ``weights``, a bundled name or a file, onto a device."""

    @classmethod
    def prepare(cls, weights: str = "") -> Iterator[tuple[int, int]]:
        """Make what the method needs once on this machine, if anything; yields (done, total) on the way.

        While another process makes it, both are 0.
        """
        del weights
        yield from ()

    def files_for(self, search: Search) -> list[Path]:
        """The weights that it draws with in such a search. Raises ``WeightsError`` where they are missing."""
        del search
        return self.files

    @property
    def family(self) -> str:
        """The method that its weights belong to."""
        return self.generator.family

    @property
    def frame(self) -> Frame:
        """The frame that faces are brought into."""
        return frame_of(self.generator)

    def frame_for(self, face: Face) -> Frame:
        """The frame for one face of a photo; the same for all unless a method has frames of several sizes."""
        del face
        return self.frame

    def credit(self, reference: str) -> dict[str, str]:
        """Who the person of a reference is, where the picture comes from, and its licence; {} without any."""
        del reference
        return {}

    @abstractmethod
    def draw(self, faces: MaskedFaces, search: Search) -> Iterator[Step]:
        """Draw F faces; the last step's ``images`` (F, 3, S, S) are the result.

        ``search`` says how long to look, to methods that search.
        """

    @abstractmethod
    def sample(self, z: Tensor, surroundings: Tensor) -> Tensor:
        """Faces (N, 3, R, R) for latents z (N, z_dim), with the landmarks of ``frame``.

        Methods that look at what is around a face draw into ``surroundings`` (K, 3, S, S), one after the
        other.
        """


def face_seeds(seed: int, count: int) -> list[int]:
    """A seed for each face of a photo: the same face gets another person for another ``seed``."""
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2**62, (count,), generator=random).tolist()
