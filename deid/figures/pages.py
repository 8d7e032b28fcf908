"""How a figure stands in a web page: inside the page, with a text for those who do not see it.

JupyterLab shows a picture output without its alternative text, and ``nbconvert`` no GIF at all. An ``img``
element in HTML is shown by both, and by Colab and GitHub, too.
"""

import base64
import html
import io
from pathlib import Path

from PIL import Image, ImageSequence

FILM_QUALITY = 60


class StoredFigure:
    """A PNG, JPEG or GIF file that a notebook shows ``width`` pixels wide, as wide as it is if 0."""

    def __init__(self, path: str | Path, alt: str, width: int = 0):
        self.path, self.alt, self.width = Path(path), alt, width

    def _repr_html_(self) -> str:
        content, kind = self.path.read_bytes(), self.path.suffix.lower().lstrip(".").replace("jpg", "jpeg")
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
            if getattr(picture, "is_animated", False):
                content, kind = _film(picture), "webp"
        shown = self.width or width
        return element(content, kind, self.alt, (shown, round(height * shown / width)))


def stored(path: str | Path, alt: str, width: int = 0) -> StoredFigure:
    """A figure from a file, for a notebook; a GIF moves. Showing it raises ``OSError`` if it is not there."""
    return StoredFigure(path, alt, width)


def element(content: bytes, kind: str, alt: str, size: tuple[int, int]) -> str:
    """The ``img`` element that holds a picture, encoded as ``kind`` (png, jpeg, webp), of (width, height)."""
    data = base64.b64encode(content).decode()
    return (
        f'<img alt="{html.escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'style="max-width: 100%; height: auto" src="data:image/{kind};base64,{data}">'
    )


def _film(picture: Image.Image) -> bytes:
    """A GIF as WebP with the same times: a third of the size, so that it fits into a notebook."""
    frames, times = [], []
    for frame in ImageSequence.Iterator(picture):
        frames.append(frame.convert("RGB"))
        times.append(frame.info.get("duration", 100))
    first, *later = frames
    encoded = io.BytesIO()
    first.save(
        encoded, "webp", save_all=True, append_images=later, duration=times, loop=0, quality=FILM_QUALITY
    )
    return encoded.getvalue()
