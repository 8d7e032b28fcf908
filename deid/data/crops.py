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


class FaceCrops(torch.utils.data.Dataset):
    """The crops of one or more dataset folders, held in memory as bytes.

    Items are (3, size, size) in [-1, 1]; ``limit``: the first so many. Raises ``ImageError`` where none is.
    """

    def __init__(self, folders: str | Path | Sequence[str | Path], limit: int | None = None) -> None:
        folders = [folders] if isinstance(folders, str | Path) else list(folders)
        faces = [(Path(folder), face) for folder in folders for face in _cropped_faces(folder)][:limit]
        paths = [folder / face["crop"] for folder, face in faces]
        if not paths:
            raise ImageError(
                f"{', '.join(map(str, folders))}: no crops; run notebook 01_dataset_creation first"
            )
        with ThreadPoolExecutor() as pool:
            self._bytes = torch.cat(list(pool.map(_crop_bytes, paths)))
        self.paths, self._faces = paths, faces

    @cached_property
    def landmarks(self) -> Tensor:
        """Where each crop's landmarks are, (N, 5, 2) in its own pixels."""
        size = self._bytes.shape[3]
        settings = {folder: replace(_settings(folder), size=size) for folder in {f for f, _ in self._faces}}
        places = []
        for folder, record in self._faces:
            face = Face(tuple(record["box"]), record["score"], tuple(map(tuple, record["landmarks"])))
            places.append(alignment.apply(alignment.invert(settings[folder].matrix(face)), face.points()))
        return torch.stack(places).float()

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
    return Settings(**json.loads((folder / SETTINGS).read_text(encoding="utf-8")))


def crops_or_synthetic(
    folders: Sequence[str | Path], generator: FaceGenerator, count: int = 64, seed: int = 0
) -> FaceCrops:
    """The crops in ``folders``; where one of them is not made yet, those of ``count`` synthetic portraits."""
    if folders and all((Path(folder) / INDEX).exists() for folder in folders):
        return FaceCrops(folders)
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
