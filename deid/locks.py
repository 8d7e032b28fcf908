"""One process at a time: locks that the system frees when their process ends, however it ends."""

import contextlib
import errno
import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

NAME = ".lock"  # of a lock in a folder of ours
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
WITHOUT = (errno.ENOLCK, errno.ENOTSUP)  # disks of networks and the like


class LockError(ValueError):
    """A place that cannot be locked; the message names it and the fix."""


class BusyError(LockError):
    """A place where another process is at work."""


@contextlib.contextmanager
def hold(lock: str | Path, place: str | Path) -> Iterator[None]:
    """Let no other process work at ``place`` while this lasts; ``lock`` is the file that says so.

    Raises ``BusyError`` where it is held, by another process or by this one, and ``LockError``. Warns where
    the disk knows no locks.
    """
    # A new one each time: the same object could be held twice. Others of a group may lock the same file.
    held = FileLock(lock, thread_local=False, mode=0o666)
    try:
        Path(lock).parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"{place}: another run is at work there; wait until it ends, or choose another folder"
        ) from None
    except OSError as error:
        if error.errno not in WITHOUT:
            room = "make room there, or " if error.errno in FULL else ""
            raise LockError(
                f"{lock}: cannot be written ({error.strerror}); {room}choose another folder"
            ) from None
        warnings.warn(f"{place}: no locks there; see that no other run works in it", stacklevel=4)
    try:
        yield
    finally:
        held.release()


def outside(place: str | Path, otherwise: str | Path) -> Path:
    """A lock for ``place`` that leaves nothing there: in the user's own folder among temporary files.

    Where there can be no temporary files it lies in the folder ``otherwise``. Raises ``LockError`` where the
    user's folder is another user's, or cannot be made.
    """
    user = getattr(os, "getuid", int)()  # Windows: each user has a temporary folder; owners are 0 there
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError:
        temporary = Path.cwd()
    if temporary == Path.cwd():  # what Python falls back to
        return Path(otherwise, NAME)
    folder = temporary / f"deid-{user}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir() or folder.lstat().st_uid != user:
        raise LockError(f"{folder}: is no folder of yours; set TMPDIR to another one, which you can write to")
    # Some disks hold A and a for one name. Elsewhere two such outputs exclude each other: no harm.
    name = os.path.realpath(place).casefold().encode("utf-8", "surrogateescape")
    return folder / f"{hashlib.sha256(name).hexdigest()}.lock"
