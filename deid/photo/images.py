"""The only border between files and pixels: load upright and bounded, save clean and atomic.

Inside the package an image is a float tensor (N, 3, H, W), RGB, in [-1, 1]; bytes and PIL stay here.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from deid import storage
from deid.photo import folders, formats, levels, metadata, opening
from deid.photo.formats import ImageError
from deid.photo.gamut import Space
from deid.photo.metadata import Metadata

SUFFIXES = formats.SUFFIXES
BEGINNING = 8192  # bytes that say what a file is and which colours it holds
MAX_PIXELS = 210_000_000  # phones make 200 megapixels: 10 GB of memory (docs/trust.md)
# Pillow warns of less. Here the header's size is compared with the limit before anything is unpacked.
Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, Image.MAX_IMAGE_PIXELS or 0)


@dataclass(frozen=True)
class Photo:
    """One decoded photo and how its file was encoded.

    ``pixels`` is (1, 3, H, W) in [-1, 1], upright, sRGB; the colours of a wider ``space`` lie beyond these.
    ``format`` and ``options`` reproduce the encoding (JPEG quantisation tables and subsampling, WebP lossless
    or not), ``grey`` and ``palette`` the mode. ``lost`` says in words what could not stay as the file held
    it. Of its metadata nothing is held but ``metadata``, which is empty where no one asks for some.
    """

    pixels: Tensor
    format: str = "PNG"
    grey: bool = False
    options: dict = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    palette: bool = False
    space: Space | None = None
    metadata: Metadata = Metadata()

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
    return torch.from_numpy(np.array(array)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


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


def load(
    path: str | Path, max_pixels: int = MAX_PIXELS, content: bytes | None = None, keep: Sequence[str] = ()
) -> Photo:
    """Decode one photo: EXIF orientation applied, as it looks (``levels.seen``).

    ``content``: its bytes, where ``path`` only names it (in an archive). ``keep``: names of metadata fields
    that are written again (``metadata.FIELDS``). Raises ``ImageError`` naming the file for anything that is
    not a whole, single, reasonably sized photo.
    """
    path = Path(path)
    file = opening.open_photo(path) if content is None else io.BytesIO(content)
    head = b""
    try:
        # The size is known from the header: a decompression bomb is refused before it is unpacked.
        with file:
            before, head = opening.state(file), file.read(BEGINNING)
            image = Image.open(file)
            formats.check(image, path, max_pixels)
            photo = _as_seen(image, head, formats.encoding(image), keep)
            if opening.state(file) != before:
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
    return photo


def of_pillow(image: Any, keep: Sequence[str] = ()) -> Photo:
    """A Pillow image as it looks; written as PNG, for its file's own encoding is not known any more."""
    return _as_seen(image, b"", ("PNG", {}), keep)


def _as_seen(image: Any, head: bytes, encoding: tuple[str, dict], keep: Sequence[str]) -> Photo:
    """An opened picture whose file begins with ``head``, written back in ``encoding``."""
    seen = levels.seen(ImageOps.exif_transpose(image), levels.bits_of(image, head))
    numbers = np.asarray(seen.image)
    return Photo(
        seen.space.decode(numbers) if seen.space else from_uint8(numbers),
        encoding[0],
        image.mode in ("1", "L", "LA", *levels.DEEP),
        encoding[1],
        (*seen.lost, *levels.unannounced(image, head), *formats.left_out(image)),
        image.mode in ("P", "PA"),
        seen.space,
        metadata.read(image, keep),
    )


def save(photo: Photo, path: str | Path) -> None:
    """Write ``photo`` in its own encoding and no metadata but what its owner chose; whole or not at all."""
    path = Path(path)
    if photo.format not in formats.WRITABLE:
        known = ", ".join(sorted(formats.WRITABLE))
        raise ImageError(f"{path}: cannot write {photo.format}; use one of {known}")
    try:
        storage.write_atomically(path, encode(photo))
    except storage.WriteError as error:
        raise ImageError(str(error)) from error


def encode(photo: Photo) -> bytes:
    """What ``save`` writes: ``photo`` in its own encoding, without any metadata but what its owner chose."""
    image, space = _written(photo)
    more: dict[str, Any] = {"icc_profile": space.profile()} if space else {}
    if photo.metadata.exif and photo.format not in formats.PLAIN:
        more |= photo.metadata.options(photo.format)
    encoded = io.BytesIO()
    image.save(encoded, photo.format, **(photo.options | more))
    return encoded.getvalue()


def _written(photo: Photo) -> tuple[Image.Image, Space | None]:
    """A photo as the picture that its file will hold, and the space of its numbers if that is not sRGB."""
    # A fresh image: Pillow would carry a JPEG comment through convert, paste and save.
    space = photo.space if photo.format not in formats.PLAIN else None
    image = Image.fromarray(space.encode(photo.pixels) if space else to_uint8(photo.pixels)[0])
    image = image.convert("L") if photo.grey else image
    if photo.palette and photo.format in formats.WITH_PALETTE:
        image = levels.with_palette(image) or image
    return image, space


def losses(photo: Photo) -> list[str]:
    """What of the file that was read is not in what ``save`` writes, in words."""
    more = ["the palette became full colour"] if photo.palette and _written(photo)[0].mode != "P" else []
    return [*photo.lost, *more]


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
