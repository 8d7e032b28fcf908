"""Photos as files: opened without waiting, watched while they are read."""

import io
import os
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from deid.photo.formats import ImageError

ORIENTATION = 0x0112  # EXIF tag; from 5 on width and height change places
STORED = (0x0100, 0x0101)  # TIFF tags of width and height


def open_photo(path: Path) -> BinaryIO:
    """A photo's file, open for reading. Raises ``ImageError`` where it cannot be."""
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would wait for ever
        raise ImageError(f"{path}: not a file; give photos or folders")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); make it readable") from None


def state(file: BinaryIO) -> tuple[int, ...]:
    """What changes when someone writes to an open file."""
    if isinstance(file, io.BytesIO):
        return ()
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


def size_of(path: str | Path) -> tuple[int, int] | None:
    """(width, height) of a photo as it is shown, from its header; None where that cannot be read."""
    try:
        with open_photo(Path(path)) as file, Image.open(file) as image:
            # Of a TIFF, newer versions of Pillow say the size as it is shown, and older ones as it is stored.
            tags = getattr(image, "tag_v2", {})
            width, height = map(tags.get, STORED) if image.format == "TIFF" else image.size
            turned = 5 <= image.getexif().get(ORIENTATION, 1) <= 8
            return (height, width) if turned else (width, height)
    except Exception:  # ``load`` says what is wrong
        return None
