"""A folder, or a prefix in an object store: ``/data/photos``, ``s3://bucket/photos``. Read by fsspec.

An object store needs its own package (``s3fs``, ``gcsfs``, ``adlfs``); fsspec names it where it is missing.
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from deid import storage
from deid.photo import images
from deid.storage import FolderError


def is_store(address: str | Path) -> bool:
    """Whether an address names an object store, and no folder."""
    return "://" in str(address)


def absolute(address: str | Path) -> str:
    """The same address on every machine: a folder's whole path."""
    return str(address) if is_store(address) else os.path.abspath(address)


@dataclass(frozen=True)
class Location:
    """Where files lie that every machine of a cluster can reach: names are relative to ``address``."""

    address: str

    @cached_property
    def folder(self) -> Path | None:
        """This as a folder of this machine's file system; None for an object store."""
        return Path(self._root) if isinstance(self._system, LocalFileSystem) else None

    def photos(self) -> list[str]:
        """The names of all photos here, in order. Raises ``ImageError`` where a folder is not there."""
        if self.folder:
            return [path.relative_to(self.folder).as_posix() for path in images.find(self.folder)]
        return [name for name in self.names() if PurePosixPath(name).suffix.lower() in images.SUFFIXES]

    def names(self) -> list[str]:
        """The names of all files here, in order; empty where there is no such place."""
        found = self._system.find(self._root)
        return sorted(str(PurePosixPath(path).relative_to(self._root)) for path in found)

    def has(self, name: str) -> bool:
        """Whether a file of this name is here."""
        return self._system.isfile(self._path(name))

    def open(self, name: str) -> IO[bytes]:
        """A file to read from."""
        return self._system.open(self._path(name), "rb")

    def read(self, name: str) -> bytes:
        """What a file holds. Raises ``FileNotFoundError``."""
        return self._system.cat_file(self._path(name))

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all: a folder by renaming, an object store by one put."""
        if self.folder:
            storage.write_atomically(self.folder / name, content)
        else:
            self._system.pipe_file(self._path(name), content)

    def remove(self, name: str) -> None:
        """Delete a file, if it is here."""
        if self.has(name):
            self._system.rm_file(self._path(name))

    def brought(self, names: Iterable[str], folder: Path) -> Path:
        """The folder where these files lie: their own, or ``folder`` with copies of an object store's."""
        if self.folder:
            return self.folder
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.read(name))
        return folder

    def claim(self, marker: str, content: dict[str, Any], ours: Callable[[str], bool]) -> None:
        """Write ``content`` as JSON into the file ``marker``, once.

        Raises ``FolderError`` where it holds something else, or is missing beside files that would be
        ``ours``.
        """
        if self.has(marker):
            if (found := json.loads(self.read(marker))) != content:
                raise FolderError(
                    f"{self.address}/{marker}: made with {found}, not {content}; choose another output"
                )
        elif any(ours(name) for name in self.names()):
            raise FolderError(
                f"{self.address}: has files of our names, and no {marker}; choose another output"
            )
        else:
            self.write(marker, json.dumps(content, indent=1).encode())

    def alone(self) -> AbstractContextManager[None]:
        """Hold a folder for this run, and clear it of half files; an object store knows neither."""
        return storage.only_one(self.folder, [self.folder]) if self.folder else nullcontext()

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        return fsspec.core.url_to_fs(self.address)

    @property
    def _system(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1].rstrip("/") or "/"

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"
