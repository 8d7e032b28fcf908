"""Photos from and to what Python programs hold: paths, bytes, Pillow's images, arrays."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deid.photo import formats, images, levels
from deid.photo.images import ImageError, Photo

FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".heic", ".heif"), "HEIF"),
    **{".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".avif": "AVIF"},
}
QUALITY = 92  # of a format with loss, where the source had none
LOSSY = ("JPEG", "WEBP", "AVIF", "HEIF")


def as_photo(given: Any, keep: Sequence[str] = ()) -> Photo:
    """A photo of a path, the bytes of a file, a Pillow image, or an array (H, W), (H, W, 3) or (H, W, 4).

    Arrays hold red, green and blue (and alpha) as uint8. ``keep``: as in ``images.load``. Raises
    ``ImageError`` for what cannot be read, ``TypeError`` for anything else.
    """
    if isinstance(given, Photo):
        return given
    if isinstance(given, str | Path):
        return images.load(given, keep=keep)
    if isinstance(given, bytes | bytearray | memoryview):
        return images.load("<bytes>", content=bytes(given), keep=keep)
    if isinstance(given, Image.Image):
        return _of_pillow(given, keep)
    if isinstance(given, np.ndarray):
        if given.dtype != np.uint8 or not (given.ndim == 2 or (given.ndim == 3 and given.shape[2] in (3, 4))):
            wanted = "give uint8 and (H, W), (H, W, 3) or (H, W, 4)"
            raise ImageError(f"an array of {given.dtype} and shape {given.shape}; {wanted}")
        if not given.size:
            raise ImageError("an array without a pixel")
        return _of_pillow(Image.fromarray(np.ascontiguousarray(given)))
    raise TypeError(f"no photo: {type(given).__name__}; give a path, bytes, a Pillow image or an array")


def save(photo: Photo, path: str | Path) -> None:
    """Write ``photo`` as ``images.save`` does, in the format that the name says; whole or not at all.

    In its own format it has the quality of its source. Raises ``ImageError`` for other names, and where it
    cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ImageError(
            f"{path}: no format is called {suffix or 'nothing'}; use one of {', '.join(FORMATS)}"
        )
    name = FORMATS[suffix]
    if name != photo.format:
        photo = replace(photo, format=name, options={"quality": QUALITY} if name in LOSSY else {})
    images.save(photo, path)


def _of_pillow(image: Image.Image, keep: Sequence[str] = ()) -> Photo:
    try:
        formats.check_size(image, "an image", images.MAX_PIXELS)
        return images.of_pillow(image, keep)
    except levels.LevelsError as error:
        raise ImageError(f"an image that {error}") from None
