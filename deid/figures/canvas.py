"""What every figure is drawn on and how it leaves: one style; pictures as JPEG, charts as PNG, GIFs.

Images are (N, 3, H, W) in [-1, 1].
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from deid.figures.pages import element, webp
from deid.photo import images
from deid.storage import write_atomically

DPI = 110
INK, QUIET, FAINT, *COLOURS = "#24292f #6e7781 #d9dee3 #2a6f97 #d0603a #4b8f6a #8a5a9e #b8912f".split()
STYLE = {
    "font.size": 9, "figure.facecolor": "white", "text.color": INK, "legend.frameon": False,
    "axes.labelcolor": INK, "axes.edgecolor": QUIET, "axes.linewidth": 0.8,
    "axes.titlesize": 9, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": FAINT, "grid.linewidth": 0.6,
    "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelsize": 8, "ytick.labelsize": 8,
}  # fmt: skip


class NotebookFigure(Figure):
    """A matplotlib figure that a notebook shows without pyplot, one screen pixel for each of its own.

    ``alt`` is what a page says to those who do not see it.
    """

    alt = ""

    def _repr_html_(self) -> str:
        drawn = _raster(self, DPI)
        if _has_picture(self):
            return element(webp(drawn), "webp", self.alt, drawn.size)
        return element(_encode_chart(drawn), "png", self.alt, drawn.size)


def save(figure: Figure, folder: str | Path, name: str, dpi: int = 2 * DPI) -> Path:
    """Write a picture as ``folder/name.jpg``, a chart as ``folder/name.png``, and return the file's path."""
    picture = _has_picture(figure)
    path = Path(folder) / (f"{name}.jpg" if picture else f"{name}.png")
    drawn = _raster(figure, dpi)
    write_atomically(path, _encode(drawn, "jpeg", quality=90) if picture else _encode_chart(drawn))
    return path


def pixels(figure: Figure, dpi: int = DPI) -> Tensor:
    """The drawn figure as an image (1, 3, H, W) in [-1, 1]: a frame for ``gif``."""
    return images.from_uint8(np.asarray(_raster(figure, dpi)))


def gif(
    frames: Sequence[Tensor | Figure],
    path: str | Path,
    milliseconds: int = 120,
    hold_last: int = 1500,
    zoom: int = 1,
) -> Path:
    """Write an endless GIF of images (1, 3, H, W), (3, H, W) or figures in one palette, and return its path.

    Each frame stays for ``milliseconds``, the last one for ``hold_last``.
    """
    tensors = [pixels(frame) if isinstance(frame, Figure) else frame for frame in frames]
    pictures = [
        Image.fromarray(images.to_uint8(tensor.reshape(1, *tensor.shape[-3:]))[0]) for tensor in tensors
    ]
    pictures = [p.resize((p.width * zoom, p.height * zoom), Image.Resampling.BICUBIC) for p in pictures]
    # One palette for all: with one for each frame colours flicker.
    chosen = pictures[:: -(-len(pictures) // 16)] + pictures[-1:]
    palette = Image.fromarray(np.concatenate([np.asarray(p) for p in chosen])).quantize(255)
    first, *later = [p.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for p in pictures]
    durations = [milliseconds] * len(later) + [hold_last]
    encoded = _encode(first, "gif", save_all=True, append_images=later, duration=durations, loop=0)
    write_atomically(path := Path(path), encoded)
    return path


def _has_picture(figure: Figure) -> bool:
    return any(axes.images for axes in figure.axes)


def _raster(figure: Figure, dpi: int) -> Image.Image:
    figure.savefig(drawn := io.BytesIO(), format="png", dpi=dpi)
    return Image.open(drawn).convert("RGB")


def _encode_chart(drawn: Image.Image) -> bytes:
    """PNG with a palette: a chart has few colours, and 64 hold their soft edges, too."""
    return _encode(drawn.quantize(64, dither=Image.Dither.NONE), "png")


def _encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    picture.save(encoded := io.BytesIO(), kind, optimize=True, **options)
    return encoded.getvalue()
