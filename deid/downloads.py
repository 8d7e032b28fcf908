"""Downloads from official addresses: only when asked for, resumable, checked, cached.

The cache is ``~/.cache/deid`` (or ``$XDG_CACHE_HOME/deid``). A file is written beside its name as ``.part``,
gone on with after an interruption, and gets its name only once it is whole and its digest is right.
"""

import hashlib
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from deid.storage import sha256

CHUNK = 1 << 20


class DownloadError(ValueError):
    """A download that failed, or a file that is not what was downloaded; the message says what to do."""


def cache() -> Path:
    """The folder of the downloads, and of what is made once for this user.

    Raises ``DownloadError`` where the user has no home.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deid"
    except RuntimeError:
        raise DownloadError("this user has no home; set XDG_CACHE_HOME to a folder for the library") from None


def place(address: str) -> Path:
    """Where the file of an address is stored: in a folder named by a digest of the address."""
    name = Path(urllib.parse.urlsplit(address).path).name or "download"
    return cache() / hashlib.sha256(address.encode()).hexdigest()[:12] / name


def fetch(address: str, digest: str | None = None, path: Path | None = None) -> Path:
    """Download ``address`` to ``path``, going on with what an earlier attempt left -> the file.

    Without ``path`` it is stored in the cache. ``digest``: the sha256 that it must have. Raises
    ``DownloadError`` when the download fails or is not that file.
    """
    path = place(address) if path is None else path
    if not path.is_file():
        part = path.with_name(path.name + ".part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _download(address, part)
        except (urllib.error.URLError, OSError) as error:
            raise DownloadError(f"{address}: download failed ({error}); run it again to go on") from None
        if digest and (found := sha256(part)) != digest:
            part.unlink()
            raise DownloadError(
                f"{address}: sha256 is {found}, expected {digest}; the download was thrown away"
            )
        part.replace(path)
    check(path, digest)
    return path


def check(path: Path, digest: str | None = None) -> None:
    """Compare a file with the digest asked for and with the one noted at the first download.

    Raises ``DownloadError`` where they differ.
    """
    note = path.with_name(path.name + ".sha256")
    found = sha256(path)
    if not note.exists():
        note.write_text(found + "\n")
    for expected in (digest, note.read_text().strip()):
        if expected and expected != found:
            raise DownloadError(
                f"{path}: sha256 is {found}, expected {expected}; delete the file and fetch it again"
            )


def _download(address: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            resumed = getattr(answer, "status", None) == 206
            expected = int(answer.headers.get("Content-Length") or 0) + (have if resumed else 0)
            with open(part, "ab" if resumed else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing left to send: the part is whole
            raise
        return
    if expected and part.stat().st_size != expected:
        raise OSError(f"{part.stat().st_size} of {expected} bytes came")
