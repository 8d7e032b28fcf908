"""Pretrained networks from their official addresses: only when asked for, resumable, checked, cached.

The cache is ``~/.cache/deid`` (or ``$XDG_CACHE_HOME/deid``). A file is written beside its name as ``.part``,
gone on with after an interruption, and gets its name only once it is whole and its digest is right.
"""

import hashlib
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from deid.generators.weights.files import WeightsError
from deid.storage import sha256

NVIDIA = "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan2/versions/1/files/stylegan2-"
LICENCE = (
    "NVIDIA's StyleGAN2 networks are for non-commercial use only (Nvidia Source Code License-NC,\n"
    "https://nvlabs.github.io/stylegan2-ada-pytorch/license.html); FFHQ, which they learned from,\n"
    "is CC BY-NC-SA 4.0."
)
# Short names -> addresses. NVIDIA publishes no digests: the first download's is stored beside the file and
# checked from then on.
NAMES = {
    "ffhq-256": NVIDIA + "ffhq-256x256.pkl",
    "ffhq-512": NVIDIA + "ffhq-512x512.pkl",
    "ffhq-1024": NVIDIA + "ffhq-1024x1024.pkl",
    "ffhqu-256": NVIDIA + "ffhqu-256x256.pkl",
    "celebahq-256": NVIDIA + "celebahq-256x256.pkl",
}
CHUNK = 1 << 20


def is_known(name: str | Path) -> bool:
    """Whether ``name`` is one of the short names or a URL."""
    return str(name) in NAMES or urllib.parse.urlsplit(str(name)).scheme in ("http", "https", "file")


def licence(name: str) -> str:
    """The terms of a network; for a URL, that they are its publisher's."""
    return LICENCE if name in NAMES else f"{name}: its publisher's terms apply"


def cache() -> Path:
    """The folder of the downloads."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deid"


def downloaded(name: str) -> Path:
    """The downloaded file of a short name or URL. Raises ``WeightsError`` where it is not downloaded yet."""
    path = _place(NAMES.get(name, name))
    if not path.is_file():
        raise WeightsError(
            f"{name}: not downloaded yet, and nothing is downloaded unasked; "
            f"run: python -m deid.generators.weights fetch {name}"
        )
    _check(path, None)
    return path


def fetch(name: str, digest: str | None = None) -> Path:
    """Download a short name or URL into the cache, going on with what an earlier attempt left -> the file.

    ``digest``: the sha256 that it must have. Raises ``WeightsError`` when the download fails or is not that
    file.
    """
    if not is_known(name):
        raise WeightsError(f"{name}: neither a URL nor one of {', '.join(NAMES)}")
    address = NAMES.get(name, name)
    path = _place(address)
    if not path.is_file():
        part = path.with_name(path.name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(address, part)
        except (urllib.error.URLError, OSError) as error:
            raise WeightsError(f"{address}: download failed ({error}); run it again to go on") from None
        if digest and (found := sha256(part)) != digest:
            part.unlink()
            raise WeightsError(
                f"{address}: sha256 is {found}, expected {digest}; the download was thrown away"
            )
        part.replace(path)
    _check(path, digest)
    return path


def _place(address: str) -> Path:
    """Where the file of an address is stored: in a folder named by a digest of the address."""
    name = Path(urllib.parse.urlsplit(address).path).name or "weights"
    return cache() / hashlib.sha256(address.encode()).hexdigest()[:12] / name


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


def _check(path: Path, digest: str | None) -> None:
    """Compare with the digest asked for and with the one noted at the first download."""
    note = path.with_name(path.name + ".sha256")
    found = sha256(path)
    if not note.exists():
        note.write_text(found + "\n")
    for expected in (digest, note.read_text().strip()):
        if expected and expected != found:
            raise WeightsError(
                f"{path}: sha256 is {found}, expected {expected}; delete the file and fetch it again"
            )
