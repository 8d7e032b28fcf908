"""One process at a time: locks that the system frees when their process ends, however it ends."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

NAME = ".lock"  # of a lock in a folder of ours


class LockError(ValueError):
    """A place that cannot be locked; the message names it and the fix."""


class BusyError(LockError):
    """A place where another process is at work."""


@contextlib.contextmanager
def hold(lock: str | Path, place: str | Path) -> Iterator[None]:
    """Let no other process work at ``place`` while this lasts; ``lock`` is the file that says so.

    Raises ``BusyError`` where it is held, by another process or by this one, and ``LockError``.
    """
    held = FileLock(lock, thread_local=False)  # a new one each time: the same object could be held twice
    try:
        Path(lock).parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"{place}: another process is at work there; wait until it ends, or choose another folder"
        ) from None
    except OSError as error:
        raise LockError(
            f"{lock}: cannot be written ({error.strerror}); make room there, or choose another folder"
        ) from None
    try:
        yield
    finally:
        held.release()


def outside(place: str | Path) -> Path:
    """A lock for ``place`` that leaves nothing there: in the user's own folder among temporary files.

    Raises ``LockError`` where that folder is another user's, or cannot be made.
    """
    user = getattr(os, "getuid", int)()  # Windows: each user has a temporary folder; owners are 0 there
    folder = Path(tempfile.gettempdir(), f"deid-{user}")
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir() or folder.lstat().st_uid != user:
        raise LockError(f"{folder}: is no folder of yours; set TMPDIR to another one, which you can write to")
    # Some disks hold A and a for one name. Elsewhere two such outputs exclude each other: no harm.
    name = os.path.realpath(place).casefold().encode("utf-8", "surrogateescape")
    return folder / f"{hashlib.sha256(name).hexdigest()}.lock"
