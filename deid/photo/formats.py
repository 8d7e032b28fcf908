"""Kinds of picture files: which are read and written back, which are only recognised, and what helps there.

A file that looks like a picture and cannot be read is refused by name. It is never passed over.
"""

import os
import re
from pathlib import Path
from typing import Any

from PIL import Image, JpegImagePlugin

from deid.photo import levels

try:  # the optional extra `heif`
    import pillow_heif
except ImportError:
    pass
else:
    pillow_heif.register_heif_opener()

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
PLAIN = {"BMP"}  # neither profile nor metadata
WITH_PALETTE = {"PNG", "BMP", "TIFF"}
FAST_WEBP = 2  # of 0 to 6: half as long as the usual 4, for files that are a fortieth larger
WRITABLE = {"JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "HEIF"}
_HEIF, _AVIF = (".heic", ".heif", ".hif"), (".avif", ".avifs")
_RAW = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef", ".nrw"),
    *(".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"),
)
_OTHERS = (".jpe", ".jfif", ".jif", ".mpo", ".gif", ".apng", ".jp2", ".jpx", ".jxl", ".psd")
CLIPS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
_NAMED = {*SUFFIXES, *_HEIF, *_AVIF, *_RAW, *_OTHERS}
# How the files of pictures begin; those of most cameras' raw files are TIFF.
_BEGINNING = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF.{4}WEBP|BM.{4}\0{4}|II[*+]\0|MM\0[*+]|GIF8"
    rb"|8BPS|\0{3}\x0c(?:jP  |JXL )|FUJIFILMCCD-RAW|IIRO|IIU\0",
    re.DOTALL,
)
_BRANDS = {  # of ISO base media files
    "HEIF": re.compile(rb".{4}ftyp(?:hei[cmsx]|hev[cx]|m[is]f1)", re.DOTALL),
    "AVIF": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
    "RAW": re.compile(rb".{4}ftypcrx ", re.DOTALL),
}
HEAD = 32  # bytes that tell what a file is
_DNG_VERSION, _SUBFILE = 0xC612, 254  # TIFF tags


class ImageError(ValueError):
    """A photo that cannot be read or written; the message names the file and the fix."""


def is_picture(path: Path) -> bool:
    """Whether a file looks like a picture: by its name or its first bytes.

    A file that cannot be opened counts, so that it is not passed over in silence. macOS writes companions,
    ``._NAME`` beside ``NAME``: only their bytes count.
    """
    if path.suffix.lower() in _NAMED and not path.name.startswith("._"):
        return True
    if not os.path.isfile(path):  # a pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return True
    return bool(_brand(head) or _BEGINNING.match(head))


def is_clip(path: Path) -> bool:
    """Whether a file is a video by its name; macOS' companions, ``._NAME``, are none."""
    return path.suffix.lower() in CLIPS and not path.name.startswith("._")


def advice(path: Path, head: bytes) -> str:
    """What is wrong with a file that no decoder knows, and the fix; ``head``: its first bytes."""
    suffix, brand = path.suffix.lower(), _brand(head)
    if (brand == "HEIF" or suffix in _HEIF) and "HEIF" not in Image.OPEN:
        return "HEIC needs pillow-heif: pip install 'deid-faces[heif]', or convert it to JPEG"
    if (brand == "AVIF" or suffix in _AVIF) and "AVIF" not in Image.OPEN:
        return "AVIF needs Pillow 11.3 or newer, or convert it to JPEG"
    if brand == "RAW" or suffix in _RAW:
        return "a camera's raw file; develop it to JPEG or TIFF"
    return "not a photo this program can read; convert it to JPEG or PNG"


def check(image: Any, path: Path, max_pixels: int) -> None:
    """Raise ``ImageError`` for what would not come back as it is: too large, several pictures, a preview."""
    check_size(image, path, max_pixels)
    # The first picture of a raw file is a preview, often of 160 pixels.
    tags = image.tag_v2 if image.format == "TIFF" else {}
    if path.suffix.lower() in _RAW or _DNG_VERSION in tags or tags.get(_SUBFILE, 0) & 1:
        raise ImageError(f"{path}: a camera's raw file; develop it to JPEG or TIFF")
    # An MPO is a JPEG with previews behind it: only its first picture is read, and only that is written.
    pictures = getattr(image, "n_frames", 1)
    if pictures > 1 and image.format != "MPO":
        raise ImageError(f"{path}: holds {pictures} pictures; give the frames as single files")
    if image.format not in WRITABLE | {"MPO"}:
        raise ImageError(f"{path}: {image.format} cannot be written back; convert it to JPEG or PNG")


def check_size(image: Any, name: Path | str, max_pixels: int) -> None:
    """Raise ``ImageError`` for a picture that is too large, or has no pixel."""
    width, height = image.size
    if not 0 < width * height <= max_pixels:
        limit = f"over the limit of {max_pixels / 1e6:.0f} megapixels; scale it down first"
        raise ImageError(f"{name}: {width}x{height} is {limit if width * height else 'no picture'}")


def encoding(image: Any) -> tuple[str, dict]:  # each format's Pillow class has attributes of its own
    """The output format, and the options that bring the quality near the source's."""
    if image.format in ("JPEG", "MPO"):
        if image.mode == "CMYK":  # its tables are for ink, not for luma and chroma
            return "JPEG", {"optimize": True, "quality": 92}
        subsampling = max(JpegImagePlugin.get_sampling(image), 0)
        return "JPEG", {"optimize": True, "qtables": image.quantization, "subsampling": subsampling}
    if image.format == "WEBP":
        lossless = levels.is_lossless_webp(image.fp)
        return "WEBP", {"lossless": True} if lossless else {"quality": 92, "method": FAST_WEBP}
    if image.format in ("AVIF", "HEIF"):  # their files do not say how they were made
        return image.format, {"quality": 92}
    return image.format, {"compression": "tiff_deflate"} if image.format == "TIFF" else {}


def left_out(image: Any) -> list[str]:
    """What of a file is neither read nor written, in words."""
    pictures = getattr(image, "n_frames", 1)
    return (
        [f"{pictures - 1} more pictures in the file (previews, a gain map) left out"] if pictures > 1 else []
    )


def _brand(head: bytes) -> str:
    """The kind of an ISO base media file that holds a picture; empty for all others."""
    return next((kind for kind, beginning in _BRANDS.items() if beginning.match(head)), "")
