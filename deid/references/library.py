"""The library: aligned crops of people who do not exist, and what is known of them, in one file.

A safetensors file, memory-mapped, so that a crop is read when it is needed and not before:

    blobs       uint8 (B,)              all crops as JPEG, one after the other, in the "deid" frame
    offsets     int64 (N + 1,)          where each begins
    thumbnails  uint8 (N, 3, 64, 64)    the crops, small
    mattes      uint8 (N, 1, 128, 128)  where a crop shows the face's own skin (255), eyes and mouth included
    landmarks   float32 (N, 5, 2)       as fractions of the side
    embeddings  float32 (N, 128)        unit vectors of the recogniser that ships

The header's "deid" is JSON: the version, a record for each crop, and how many portraits were rejected.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from deid import downloads, storage
from deid.photo import images

VERSION = 1
# Name in the file -> name in an entry, shape of a row, type.
TENSORS = {
    "thumbnails": ("thumbnail", (3, 64, 64), torch.uint8),
    "mattes": ("matte", (1, 128, 128), torch.uint8),
    "landmarks": ("landmarks", (5, 2), torch.float32),
    "embeddings": ("embedding", (128,), torch.float32),
}
# What a record says, and the type of that.
FACTS = {"name": str, "identity": str, "source": str, "licence": str, "size": int, "attributes": dict}
REBUILD = "move the file away and run: python -m deid.references build"
BROKEN = (AttributeError, LookupError, RecursionError, RuntimeError, TypeError, ValueError)


class LibraryError(ValueError):
    """A library that cannot be read or written; the message names the file and the fix."""


@dataclass(frozen=True, eq=False)
class Reference:
    """One crop of the library: whose it is, where it comes from, its side in pixels, its landmarks.

    ``landmarks`` (5, 2) are fractions of the side. ``attributes``: see ``references.attributes``.
    """

    index: int
    name: str
    identity: str
    source: str
    licence: str
    size: int
    landmarks: Tensor
    attributes: dict[str, float]


def default_path() -> Path:
    """Where the user's library lies: in the cache."""
    return downloads.cache() / "references" / "people.safetensors"


class Library:
    """A library that is open for reading; ``references[i]`` belongs to row i of every tensor."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise LibraryError(f"{path}: no such library; run: python -m deid.references build")
        try:
            self._file = safe_open(self.path, framework="pt")
            facts = json.loads((self._file.metadata() or {}).get("deid", "{}"))
            self._read(facts)
        except (*BROKEN, SafetensorError, OSError) as error:
            raise LibraryError(
                f"{path}: not a library of references of this version ({error}); {REBUILD}"
            ) from None
        self._decoded = lru_cache(maxsize=8)(self._decode)

    @classmethod
    def open(cls, path: str | Path | None = None) -> "Library":
        """The library at ``path``, else the user's own. Raises ``LibraryError`` with the file and the fix."""
        return cls(default_path() if path is None else path)

    def _read(self, facts: dict) -> None:
        if facts["references version"] != VERSION:
            raise ValueError(f"version {facts['references version']}")
        records = facts["records"]
        for record in records:
            if wrong := [
                name for name, kind in (FACTS | {"digest": str}).items() if type(record[name]) is not kind
            ]:
                raise ValueError(f"a record whose {wrong[0]} is {record[wrong[0]]!r:.40}")
            if not all(isinstance(value, int | float) for value in record["attributes"].values()):
                raise ValueError(f"attributes of {record['name']:.40} that are no numbers")
        self.rejected: dict[str, dict[str, int]] = facts["rejected"]
        self.digests: list[str] = [record["digest"] for record in records]
        self.offsets = self._file.get_tensor("offsets")
        self.thumbnails, self.mattes, self.landmarks, self.embeddings = (
            self._file.get_tensor(name) for name in TENSORS
        )
        found = [(tuple(tensor.shape), tensor.dtype) for tensor in map(self.__getattribute__, TENSORS)]
        blobs, count = self._file.get_slice("blobs"), len(records)
        wanted = [((count, *shape), kind) for _, shape, kind in TENSORS.values()]
        lengths, whole = self.offsets.diff(), (self.offsets.dtype, blobs.get_dtype()) == (torch.int64, "U8")
        if found != wanted or not whole or len(lengths) != count or (lengths < 0).any():
            raise ValueError("its parts do not fit together")
        if [self.offsets[0], self.offsets[-1]] != [0, *blobs.get_shape()]:
            raise ValueError("its pictures do not fit together")
        self.references = [
            Reference(index=k, landmarks=self.landmarks[k], **{name: record[name] for name in FACTS})
            for k, record in enumerate(records)
        ]

    def __len__(self) -> int:
        return len(self.references)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each reference by "source/name"."""
        return {f"{reference.source}/{reference.name}": reference.index for reference in self.references}

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the file: the same library, the same digest."""
        return storage.sha256(self.path)

    def picture(self, index: int) -> bytes:
        """The JPEG of a crop. Raises ``LibraryError`` where it is not the one that was stored."""
        start, end = self.offsets[index : index + 2].tolist()
        content = self._file.get_slice("blobs")[start:end].numpy().tobytes()
        if hashlib.sha256(content).hexdigest() != self.digests[index]:
            name = self.references[index].name
            raise LibraryError(f"{self.path}: the picture of {name} was changed; {REBUILD}")
        return content

    def crop(self, index: int, size: int) -> Tensor:
        """A crop at a side of ``size`` pixels, (1, 3, size, size) in [-1, 1]; not to be written into."""
        return self._decoded(index, size)

    def _decode(self, index: int, size: int) -> Tensor:
        content = self.picture(index)
        try:
            pixels = images.from_jpeg(content, size)
        except Exception as error:  # decoders raise anything
            name = self.references[index].name
            raise LibraryError(f"{self.path}: the picture of {name} is none ({error}); {REBUILD}") from None
        side = pixels.shape[2]
        if side % size == 0:
            return F.interpolate(pixels, (size, size), mode="area") if side > size else pixels
        return F.interpolate(pixels, (size, size), mode="bicubic", antialias=side > size).clamp(-1, 1)
