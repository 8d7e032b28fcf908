"""The only border between files and pixels: load upright and bounded, save clean and atomic.

Inside the package an image is a float tensor (N, 3, H, W), RGB, in [-1, 1]; bytes and PIL stay here.
"""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from deid import storage
from deid.photo import folders, formats, levels
from deid.photo.formats import ImageError

SUFFIXES = formats.SUFFIXES
MAX_PIXELS = 100_000_000
ORIENTATION = 0x0112  # EXIF tag; from 5 on width and height change places


@dataclass(frozen=True)
class Photo:
    """One decoded photo and how its file was encoded.

    ``pixels`` is (1, 3, H, W) in [-1, 1], upright, sRGB. ``format`` and ``options`` reproduce the encoding
    (JPEG quantisation tables and subsampling, WebP lossless or not); no metadata is held anywhere. ``lost``
    says in words what could not stay as the file held it.
    """

    pixels: Tensor
    format: str = "PNG"
    grey: bool = False
    options: dict = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[3], self.pixels.shape[2]


def to_uint8(images: Tensor) -> np.ndarray:
    """(N, 3, H, W) in [-1, 1] -> uint8 array (N, H, W, 3), rounded and clipped."""
    return to_levels(images).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def to_levels(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] -> the same as 0.0 to 255.0, rounded and clipped."""
    return images.detach().float().add(1).mul_(127.5).round_().clamp_(0, 255)


def from_uint8(array: np.ndarray) -> Tensor:
    """uint8 array (N, H, W, 3) or (H, W, 3) -> (N, 3, H, W) in [-1, 1]; the exact inverse of ``to_uint8``."""
    array = array[None] if array.ndim == 3 else array
    return torch.from_numpy(np.array(array)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def shrink(images: Tensor, longest: int) -> Tensor:
    """(N, 3, H, W) -> (N, 3, h, w): scaled down, without aliasing, to at most ``longest`` pixels a side."""
    factor = longest / max(images.shape[2:])
    if factor >= 1:
        return images
    return F.interpolate(images, scale_factor=factor, mode="bilinear", antialias=True)


def find(path: str | Path) -> list[Path]:
    """The photos at ``path``: the file itself, or every file of ``SUFFIXES`` below a folder, in order."""
    path = Path(path)
    if path.is_dir():
        return [p for p in folders.walk(path).pictures if p.suffix.lower() in SUFFIXES and p.is_file()]
    if path.is_file():
        return [path]
    raise ImageError(f"{path}: no such file or folder")


def size_of(path: str | Path) -> tuple[int, int] | None:
    """(width, height) of a photo as it is shown, from its header; None where that cannot be read."""
    try:
        with _open(Path(path)) as file, Image.open(file) as image:
            turned = image.getexif().get(ORIENTATION, 1) >= 5
            return image.size[::-1] if turned else image.size
    except Exception:  # ``load`` says what is wrong
        return None


def load(path: str | Path, max_pixels: int = MAX_PIXELS, content: bytes | None = None) -> Photo:
    """Decode one photo: EXIF orientation applied, as it looks in sRGB (``levels.to_srgb``).

    ``content``: its bytes, where ``path`` only names it (in an archive). Raises ``ImageError`` naming the
    file for anything that is not a whole, single, reasonably sized photo.
    """
    path = Path(path)
    file = _open(path) if content is None else io.BytesIO(content)
    head = b""
    try:
        # The size is known from the header: a decompression bomb is refused before it is unpacked.
        with file:
            before, head = _state(file), file.read(formats.HEAD)
            image = Image.open(file)
            formats.check(image, path, max_pixels)
            encoding = formats.encoding(image)
            grey = image.mode in ("1", "L", "LA", *levels.DEEP)
            bits = levels.bits_of(image, head)
            seen, lost = levels.to_srgb(ImageOps.exif_transpose(image), bits)
            pixels = from_uint8(np.asarray(seen))
            if _state(file) != before:
                raise ImageError(f"{path}: changed while it was read; run again when it is complete")
    except ImageError:
        raise
    except levels.LevelsError as error:
        raise ImageError(f"{path}: {error}") from None
    except UnidentifiedImageError:
        raise ImageError(f"{path}: {formats.advice(path, head)}") from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"{path}: over the limit of {max_pixels / 1e6:.0f} megapixels; scale it down first"
        ) from None
    except Exception as error:  # on broken bytes decoders raise TypeError, struct.error, KeyError, anything
        raise ImageError(
            f"{path}: broken or truncated image ({error}); open and save it again elsewhere"
        ) from error
    return Photo(pixels, encoding[0], grey, encoding[1], tuple(lost))


def _open(path: Path) -> BinaryIO:
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would wait for ever
        raise ImageError(f"{path}: not a file; give photos or folders")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); make it readable") from None


def _state(file: BinaryIO) -> tuple[int, ...]:
    """What changes when someone writes to an open file."""
    if isinstance(file, io.BytesIO):
        return ()
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


def save(photo: Photo, path: str | Path) -> None:
    """Write ``photo`` in its own encoding without any metadata; the file appears whole or not at all."""
    path = Path(path)
    if photo.format not in formats.WRITABLE:
        known = ", ".join(sorted(formats.WRITABLE))
        raise ImageError(f"{path}: cannot write {photo.format}; use one of {known}")
    try:
        storage.write_atomically(path, encode(photo))
    except storage.WriteError as error:
        raise ImageError(str(error)) from error


def encode(photo: Photo) -> bytes:
    """What ``save`` writes: ``photo`` in its own encoding, without any metadata."""
    # A fresh image: Pillow would carry a JPEG comment through convert, paste and save.
    image = Image.fromarray(to_uint8(photo.pixels)[0])
    image = image.convert("L") if photo.grey else image
    encoded = io.BytesIO()
    image.save(encoded, photo.format, **photo.options)
    return encoded.getvalue()


def to_jpeg(pixels: Tensor, quality: int = 95) -> bytes:
    """(1, 3, H, W) -> the bytes of a JPEG without metadata, colours at full resolution."""
    encoded = io.BytesIO()
    Image.fromarray(to_uint8(pixels)[0]).save(encoded, "JPEG", quality=quality, subsampling=0)
    return encoded.getvalue()


def from_jpeg(content: bytes, side: int) -> Tensor:
    """The bytes of a JPEG -> (1, 3, H, W); a large one is halved while it stays at least ``side`` wide."""
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        image.draft("RGB", (side, side))
        return from_uint8(np.asarray(image.convert("RGB")))
