"""How a figure stands in a web page: inside the page, with a text for those who do not see it.

JupyterLab shows a picture output without its alternative text, and ``nbconvert`` no GIF at all. An ``img``
element in HTML is shown by both, and by Colab and GitHub, too.
"""

import base64
import html
import io
from pathlib import Path

from PIL import Image, ImageFilter, ImageSequence

QUALITY, FILM_QUALITY = 70, 40
FRAMES = 12  # of a film at most: a notebook with films stays small enough for GitHub to show it


class StoredFigure:
    """A PNG, JPEG or GIF file that a notebook shows ``width`` pixels wide, as wide as it is if 0."""

    def __init__(self, path: str | Path, alt: str, width: int = 0):
        self.path, self.alt, self.width = Path(path), alt, width

    def _repr_html_(self) -> str:
        content, kind = self.path.read_bytes(), self.path.suffix.lower().lstrip(".")
        with Image.open(io.BytesIO(content)) as picture:
            width = self.width or picture.width
            height = round(picture.height * width / picture.width)
            if kind == "gif":
                content, kind = _film(picture), "webp"
            elif kind != "png":
                content, kind = webp(picture.resize((width, height), Image.Resampling.LANCZOS)), "webp"
        return element(content, kind, self.alt, (width, height))


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


def webp(picture: Image.Image) -> bytes:
    """A picture as a page holds it: half of JPEG's bytes."""
    picture.save(encoded := io.BytesIO(), "webp", quality=QUALITY)
    return encoded.getvalue()


def _film(picture: Image.Image) -> bytes:
    """At most ``FRAMES`` of a GIF's frames as WebP, which last as long as all of them."""
    frames, times = [], []
    every = -(-getattr(picture, "n_frames", 1) // FRAMES)
    for index, frame in enumerate(ImageSequence.Iterator(picture)):
        if index % every == 0:
            # The dots by which a GIF mixes its colours would cost most of the bytes.
            frames.append(frame.convert("RGB").filter(ImageFilter.GaussianBlur(0.6)))
            times.append(0)
        times[-1] += frame.info.get("duration", 100)
    (first, *later), encoded = frames, io.BytesIO()
    options = {"append_images": later, "duration": times, "loop": 0, "quality": FILM_QUALITY}
    first.save(encoded, "webp", save_all=True, **options)
    return encoded.getvalue()
