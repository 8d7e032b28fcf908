"""The crops of dataset folders as training data."""

import copy
import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.data import dataset, synthetic
from deid.data.dataset import INDEX, SETTINGS, Settings, read_index
from deid.generators.interface import FaceGenerator
from deid.photo import alignment, images
from deid.photo.faces import Face
from deid.photo.images import ImageError


class NoCropsError(ImageError):
    """A folder without crops where some were asked for; the message names it and the fix."""


class FaceCrops(torch.utils.data.Dataset):
    """The crops of one or more dataset folders, held in memory as bytes.

    Items are (3, size, size) in [-1, 1]; ``limit``: the first so many. Raises ``NoCropsError`` where one of
    the folders has none.
    """

    def __init__(self, folders: str | Path | Sequence[str | Path], limit: int | None = None) -> None:
        folders = [folders] if isinstance(folders, str | Path) else list(folders)
        listed = [(Path(folder), _cropped_faces(folder)) for folder in folders]
        faces = [(folder, face) for folder, found in listed for face in found][:limit]
        paths = [folder / face["crop"] for folder, face in faces]
        without = [str(folder) for folder, found in listed if not found]
        if without or not paths:
            raise NoCropsError(
                f"{', '.join(without) or folders}: no crops; run notebook 01_dataset_creation first"
            )
        with ThreadPoolExecutor() as pool:
            crops = list(pool.map(_crop_bytes, paths))
        for path, crop in zip(paths, crops, strict=True):
            if crop.shape != crops[0].shape or crop.shape[2] != crop.shape[3]:
                sides, first = f"{crop.shape[3]}x{crop.shape[2]}", f"{crops[0].shape[3]}x{crops[0].shape[2]}"
                raise ImageError(f"{path}: a crop of {sides} pixels beside {first}; give crops of one size")
        self._bytes = torch.cat(crops)
        self.paths, self._faces = paths, faces

    @cached_property
    def landmarks(self) -> Tensor:
        """Where each crop's landmarks are, (N, 5, 2) in its own pixels."""
        size = self._bytes.shape[3]
        settings = {folder: replace(_settings(folder), size=size) for folder in {f for f, _ in self._faces}}
        return torch.stack(
            [_landmarks(folder, face, settings[folder]) for folder, face in self._faces]
        ).float()

    def at(self, size: int) -> "FaceCrops":
        """The same crops at another size, their landmarks with them."""
        if size == self._bytes.shape[3]:
            return self
        other = copy.copy(self)
        other.__dict__.pop("landmarks", None)
        other._bytes = torch.cat([_resized(part, size) for part in self._bytes.split(1024)])
        if "landmarks" in self.__dict__:  # the folder may be gone
            other.__dict__["landmarks"] = (self.landmarks + 0.5) * (size / self._bytes.shape[3]) - 0.5
        return other

    def __len__(self) -> int:
        return len(self._bytes)

    def __getitem__(self, index: int) -> Tensor:
        return self.batch([index])[0]

    def batch(self, indices: Tensor | Sequence[int]) -> Tensor:
        """Crops (N, 3, size, size) in [-1, 1] at ``indices``."""
        return self._bytes[torch.as_tensor(indices)].float().div(127.5).sub(1)

    def bytes(self) -> Tensor:
        """All crops as bytes (N, 3, size, size)."""
        return self._bytes

    def mean(self) -> Tensor:
        """The mean crop (1, 3, size, size)."""
        return self._bytes.float().mean(0, keepdim=True).div(127.5).sub(1)


def _cropped_faces(folder: str | Path) -> list[dict]:
    return [face for record in read_index(folder) for face in record["faces"] if "crop" in face]


def _settings(folder: Path) -> Settings:
    try:
        return Settings(**json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ImageError(
            f"{folder / SETTINGS}: damaged ({error}); delete the folder and make it again"
        ) from None


def _landmarks(folder: Path, record: dict, settings: Settings) -> Tensor:
    """Where the landmarks of a face are in its crop, (5, 2)."""
    face = Face(tuple(record["box"]), record["score"], tuple(map(tuple, record["landmarks"])))
    try:
        places = alignment.apply(alignment.invert(settings.matrix(face)), face.points())
    except (RuntimeError, ValueError):  # no similarity leads to landmarks that are all in one place
        places = torch.full((1,), torch.nan)
    if not places.isfinite().all():
        raise ImageError(
            f"{folder / INDEX}: {record['crop']} has no face; delete the folder and make it again"
        )
    return places


def crops_or_synthetic(
    folders: Sequence[str | Path], generator: FaceGenerator, count: int = 64, seed: int = 0
) -> FaceCrops:
    """The crops in ``folders``; of an empty list those of ``count`` synthetic portraits, drawn here.

    Raises ``NoCropsError`` where a folder that is named has no crops: its name may be misspelt.
    """
    if folders:
        try:
            return FaceCrops(folders)
        except NoCropsError as error:
            raise NoCropsError(f"{error}, or set this to [] to learn from drawn portraits") from None
    with tempfile.TemporaryDirectory() as temporary:
        photos = synthetic.portraits(generator, count, Path(temporary) / "photos", seed)
        for _ in dataset.create(photos, Path(temporary) / "crops", Settings(min_face=40)):
            pass
        drawn = FaceCrops(Path(temporary) / "crops")
        _ = drawn.landmarks  # while the folder is still there
        return drawn


def _crop_bytes(path: Path) -> Tensor:
    """The crop as bytes (1, 3, S, S)."""
    return torch.from_numpy(images.to_uint8(images.load(path).pixels)).permute(0, 3, 1, 2)


def _resized(pixels: Tensor, size: int) -> Tensor:
    """Bytes (N, 3, S, S) -> (N, 3, size, size): means of pixels to shrink, bicubic to enlarge."""
    mode = "area" if size < pixels.shape[3] else "bicubic"
    return F.interpolate(pixels.float(), (size, size), mode=mode).round().clamp(0, 255).byte()
