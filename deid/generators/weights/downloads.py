"""Pretrained networks from their official addresses: only when asked for, resumable, checked, cached."""

import urllib.parse
from pathlib import Path

from deid import downloads
from deid.downloads import DownloadError
from deid.generators.weights.files import WeightsError

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


def is_known(name: str | Path) -> bool:
    """Whether ``name`` is one of the short names or a URL."""
    return str(name) in NAMES or urllib.parse.urlsplit(str(name)).scheme in ("http", "https", "file")


def licence(name: str) -> str:
    """The terms of a network; for a URL, that they are its publisher's."""
    return LICENCE if name in NAMES else f"{name}: its publisher's terms apply"


def downloaded(name: str) -> Path:
    """The downloaded file of a short name or URL. Raises ``WeightsError`` where it is not downloaded yet."""
    path = downloads.place(NAMES.get(name, name))
    if not path.is_file():
        raise WeightsError(
            f"{name}: not downloaded yet, and nothing is downloaded unasked; "
            f"run: python -m deid.generators.weights fetch {name}"
        )
    try:
        downloads.check(path)
    except DownloadError as error:
        raise WeightsError(str(error)) from None
    return path


def fetch(name: str, digest: str | None = None) -> Path:
    """Download a short name or URL into the cache, going on with what an earlier attempt left -> the file.

    ``digest``: the sha256 that it must have. Raises ``WeightsError`` when the download fails or is not that
    file.
    """
    if not is_known(name):
        raise WeightsError(f"{name}: neither a URL nor one of {', '.join(NAMES)}")
    try:
        return downloads.fetch(NAMES.get(name, name), digest)
    except DownloadError as error:
        raise WeightsError(str(error)) from None
