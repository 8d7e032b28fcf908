"""Files and folders: written whole or not at all, made once, and cleared only where they are our own."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from safetensors.torch import load_file, save
from torch import Tensor

PARTIAL = ".partial-"  # how the name of a file begins that is being written


class FolderError(ValueError):
    """A folder or file that is not ours to clear or to write over; the message names it and the fix."""


class WriteError(OSError):
    """A file that cannot be written; the message names it, not the temporary file beside it, and the fix."""

    def __str__(self) -> str:
        return f"{self.filename}: cannot be written ({self.strerror}); choose another output folder"


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and rename it: a killed run leaves no half file.

    Raises ``WriteError``.
    """
    try:
        _write_atomically(Path(path), content)
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(path)) from error


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(partial, 0o666 & ~umask)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what is told
            os.unlink(partial)
        raise


def sha256(path: str | Path) -> str:
    """Hex digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached(path: str | Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in ``path``; where it is missing they are made and stored there, whole or not at all."""
    if not Path(path).exists():
        write_atomically(path, save({name: tensor.contiguous() for name, tensor in make().items()}))
    return load_file(path)


@dataclass(frozen=True)
class Marker:
    """What makes a folder ours: a JSON file of this ``name`` whose object has this ``key``."""

    name: str
    key: str

    def is_in(self, folder: str | Path) -> bool:
        """Whether the folder carries the marker."""
        try:
            content = json.loads((Path(folder) / self.name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(content, dict) and self.key in content

    def claim(self, folder: str | Path, names: Sequence[str]) -> None:
        """Raise ``FolderError`` where ``folder`` is not ours and holds one of ``names``.

        What has such a name would be written over.
        """
        foreign = [name for name in (self.name, *names) if os.path.lexists(Path(folder) / name)]
        if foreign and not self.is_in(folder):
            raise FolderError(
                f"{folder}: holds {foreign[0]}, but not a {self.name} of this project; choose another folder"
            )

    def clear(self, folder: str | Path, files: Iterable[str], inputs: Iterable[str | Path] = ()) -> None:
        """Delete ``files`` (relative names) and the marker from ``folder``, and folders that are empty then.

        Anything else in the folder stays. Does nothing where the folder is missing or empty. Raises
        ``FolderError`` where it is not ours, or holds one of the ``inputs``.
        """
        folder = Path(folder)
        if not folder.is_dir() or not any(folder.iterdir()):
            return
        if not self.is_in(folder):
            raise FolderError(
                f"{folder}: not cleared, for it has no {self.name} of this project; "
                "choose another folder, or empty it"
            )
        for given in inputs:
            if Path(given).resolve().is_relative_to(folder.resolve()):
                raise FolderError(
                    f"{folder}: not cleared, for it holds the input {given}; use another folder"
                )
        # The marker goes last: a killed run leaves a folder that is still ours.
        for name in (*files, self.name):
            _remove(folder, name)


def _remove(folder: Path, name: str) -> None:
    """Delete a file and the folders above it, up to ``folder``, that are empty now.

    A name that leads out of the folder (an index that was tampered with, or a link) is left alone.
    """
    path, parts = folder / name, PurePath(name)
    if parts.is_absolute() or ".." in parts.parts or not path.resolve().is_relative_to(folder.resolve()):
        return
    if path.is_file() or path.is_symlink():
        path.unlink()
    while path != folder:
        path = path.parent
        if path.is_symlink() or not path.is_dir() or any(path.iterdir()):
            return
        path.rmdir()
