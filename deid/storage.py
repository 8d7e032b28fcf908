"""Files and folders: written whole or not at all, by one process at a time, cleared only where our own."""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from safetensors.torch import load_file, save
from torch import Tensor

from deid import locks

PARTIAL = ".partial-"  # how the name of a file begins that is being written
HALF = re.compile(re.escape(PARTIAL) + "[a-z0-9_]{8}")  # its whole name
STALE = 600  # seconds after which no one is writing a half file any more


class FolderError(ValueError):
    """A folder or file that is not ours to clear or to write over; the message names it and the fix."""


class WriteError(OSError):
    """A file that cannot be written; the message names it, not the temporary file beside it, and the fix."""

    def __str__(self) -> str:
        room = "make room there, or " if self.errno in locks.FULL else ""
        return f"{self.filename}: cannot be written ({self.strerror}); {room}choose another output folder"


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and rename it: a killed run leaves no half file.

    Raises ``WriteError``.
    """
    with half_file(path) as partial, _writing(path):
        partial.write_bytes(content)
        finish(partial, path)


@contextlib.contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    """What the system refuses becomes a ``WriteError`` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(path)) from error


@contextlib.contextmanager
def half_file(path: str | Path) -> Iterator[Path]:
    """A new file beside ``path``, gone at the end unless it was ``finish``ed. Raises ``WriteError``."""
    with _writing(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=Path(path).parent, prefix=PARTIAL)
        os.close(handle)
    try:
        yield Path(partial)
    finally:
        with contextlib.suppress(OSError):  # what went wrong first is what is told
            os.unlink(partial)


def finish(partial: Path, path: str | Path) -> None:
    """Rename a half file to ``path``: it is whole. Raises ``WriteError``."""
    umask = os.umask(0)
    os.umask(umask)
    with _writing(path):
        os.chmod(partial, 0o666 & ~umask)
        os.replace(partial, path)


def append(path: str | Path, lines: Iterable[str], sync: bool = False) -> None:
    """Add ``lines`` to a file, all or none; what a killed run left of a line is cut off first.

    ``sync``: they are on the disk then, and not only on the way. Raises ``WriteError``.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    with _writing(path), open(path, "a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        if file.read(1) not in (b"", b"\n"):
            file.seek(0)
            end = file.truncate(file.readall().rfind(b"\n") + 1)
        try:
            while content:
                content = content[file.write(content) :]
            if sync:
                os.fsync(file.fileno())
        except BaseException:
            file.truncate(end)
            raise


@contextlib.contextmanager
def only_one(place: str | Path, folders: Iterable[Path], lock: Path | None = None) -> Iterator[None]:
    """Let no other process work at ``place``; half files that killed ones left in ``folders`` are removed.

    Not those of the last minutes: another process may be writing them, at another place with the same folder.
    ``lock``: the file that says so, where it is not to lie in ``place``. Raises ``LockError``.
    """
    with locks.hold(lock or Path(place, locks.NAME), place):
        for path in (path for folder in folders for path in folder.glob(f"{PARTIAL}*")):
            if HALF.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > STALE:
                        path.unlink()
        yield


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
        except (OSError, ValueError, RecursionError):
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
        ``FolderError`` where it is not ours, or holds one of the ``inputs``, and ``LockError``.
        """
        folder = Path(folder)
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        if all(name == locks.NAME or HALF.fullmatch(name) for name in names):
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
        with only_one(folder, [folder]):
            # The marker is the last that makes it ours: a killed run leaves a folder that is still ours.
            for name in (*files, self.name):
                _remove(folder, name)
            with contextlib.suppress(PermissionError):  # Windows removes it when it is free
                _remove(folder, locks.NAME)


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
