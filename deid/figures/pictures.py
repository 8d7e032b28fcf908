"""Figures made of images: grids, stages below each other, photos side by side, boxes on a photo."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from deid.figures.canvas import COLOURS, DPI, STYLE, NotebookFigure
from deid.photo import images
from deid.photo.alignment import apply
from deid.photo.faces import Face

FACE = 120  # pixels of the screen: a smaller face can hardly be judged
NARROWEST = 400  # pixels of the screen: a smaller figure is lost in a notebook's column


def mosaic(batch: Tensor, columns: int = 8, gap: int = 2) -> Tensor:
    """Images (N, 3, H, W) row by row on white, ``gap`` pixels between them -> (1, 3, ...)."""
    padded, columns = F.pad(batch, (0, gap, 0, gap), value=1.0), min(columns, len(batch))
    missing = torch.ones(-len(batch) % columns, *padded.shape[1:])
    tiles = torch.cat([padded, missing]).unflatten(0, (-1, columns))  # rows, columns, 3, H, W
    return tiles.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)[None, :, : -gap or None, : -gap or None]


@mpl.rc_context(STYLE)
def grid(
    batch: Tensor,
    columns: int = 6,
    titles: Sequence[str] = (),
    rows: Sequence[str] = (),
    *,
    side: int = FACE,
    gap: int = 2,
) -> Figure:
    """Images (N, 3, H, W) row by row, ``side`` pixels wide; ``titles`` above each, ``rows`` name the rows.

    They are wider where the figure would be narrower than ``NARROWEST``.
    """
    columns, left = min(columns, len(batch)), _margin(rows)
    batch = _resized(batch, max(side, -((left - gap - NARROWEST) // columns) - gap))
    height, width = batch.shape[2:]
    head = 5 + 16 * max(title.count("\n") + 1 for title in titles) if titles else 0
    whole = mosaic(F.pad(batch, (0, 0, head, 0), value=1.0), columns, gap)
    across, down = whole.shape[3] + left, whole.shape[2]
    figure = NotebookFigure(figsize=(across / DPI, down / DPI))
    axes = figure.add_axes((left / across, 0, 1 - left / across, 1))
    _show(axes, whole[0], "nearest")
    for index, title in enumerate(titles):
        x, y = (
            index % columns * (width + gap) + width / 2,
            index // columns * (height + head + gap) + head - 3,
        )
        axes.text(x, y, title, ha="center", va="bottom")
    for index, name in enumerate(rows):
        axes.text(-8, index * (height + head + gap) + head + height / 2, name, ha="right", va="center")
    return figure


def before_after(*stages: Tensor, names: Sequence[str], side: int = FACE) -> Figure:
    """Stages of the same images, each (N, 3, H, W): a column per image, a row per stage with its name."""
    return grid(torch.cat(stages), len(stages[0]), rows=names, side=side)


def rows(groups: Mapping[str, Tensor], side: int = FACE) -> Figure:
    """Images (K, 3, H, W) of one size, a row for each name, as long as it is."""
    longest = max(map(len, groups.values()))
    filled = [F.pad(row, (0,) * 7 + (longest - len(row),), value=1.0) for row in groups.values()]
    return grid(torch.cat(filled), longest, rows=list(groups), side=side)


def counted(examples: Mapping[str, Sequence[Tensor]], columns: int = 6) -> Figure:
    """A row for each name, the largest first: how many images (1, 3, H, W) it has, and the first of them."""
    ordered = sorted(examples.items(), key=lambda pair: -len(pair[1]))
    white = torch.ones_like(ordered[0][1][0])
    tiles = [image for _, images in ordered for image in [*images, *[white] * columns][:columns]]
    return grid(torch.cat(tiles), columns, rows=[f"{name}: {len(images)}" for name, images in ordered])


@mpl.rc_context(STYLE)
def side_by_side(photos: Sequence[Tensor], titles: Sequence[str] = (), height: float = 2.2) -> Figure:
    """Photos (1, 3, H, W) or (3, H, W) of any size at one ``height`` in inches, each in its own axes."""
    photos, gap = [photo.squeeze(0) for photo in photos], 0.08
    widths = [photo.shape[2] / photo.shape[1] * height for photo in photos]
    across = sum(widths) + gap * (len(widths) - 1)
    down = height + (0.12 + 0.15 * max(title.count("\n") + 1 for title in titles) if titles else 0)
    figure = NotebookFigure(figsize=(across, down))
    for index, photo in enumerate(photos):
        x = (sum(widths[:index]) + gap * index) / across
        axes = figure.add_axes((x, 0, widths[index] / across, height / down))
        _show(axes, photo, "nearest" if photo.shape[1] < 100 else "antialiased")
        axes.set_title(titles[index] if titles else "", pad=4)
    return figure


@mpl.rc_context(STYLE)
def boxes(
    photo: Tensor,
    found: Sequence[Face],
    matrices: Sequence[Tensor] = (),
    size: int = 64,
    axes: Axes | None = None,
) -> Figure:
    """A photo (1, 3, H, W) with face boxes, landmarks and, for each matrix (2, 3), the square of the frame.

    A frame is ``size`` pixels wide. ``axes`` that show the photo already are drawn on instead of new ones.
    """
    axes = axes or side_by_side([photo], height=3.2).axes[0]
    for face in found:
        x1, y1, x2, y2 = face.box
        _outline(axes, torch.tensor([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), COLOURS[1])
        axes.plot(*face.points().T, "o", ms=3.5, color=COLOURS[1], mec="white", mew=0.7)
        label = {"boxstyle": "square,pad=0.2", "fc": COLOURS[1], "ec": "none"}
        axes.text(x1, y1, f"{face.score:.3f}", size=7, color="white", va="bottom", bbox=label, clip_on=True)
    square = torch.tensor([[0, 0], [size, 0], [size, size], [0, size]]) - 0.5
    for matrix in matrices:
        _outline(axes, apply(matrix, square), COLOURS[0])
    return axes.figure


def _show(axes: Axes, image: Tensor, interpolation: str) -> None:
    axes.imshow(images.to_uint8(image[None])[0], interpolation=interpolation)
    # Limits stay as they are: what is drawn on a photo later may not move its borders.
    axes.set(autoscale_on=False, xticks=(), yticks=(), frame_on=False)


def _margin(names: Sequence[str]) -> int:
    """Pixels that the names of rows need."""
    return 14 + 8 * max(len(part) for name in names for part in name.split("\n")) if names else 0


def _resized(batch: Tensor, width: int) -> Tensor:
    """Images (N, 3, H, W) -> (N, 3, h, width) in the same shape."""
    old_height, old_width = batch.shape[2:]
    if width == old_width:
        return batch
    height = max(1, round(old_height * width / old_width))
    return F.interpolate(batch, (height, width), mode="bicubic", antialias=width < old_width)


def _outline(axes: Axes, corners: Tensor, colour: str) -> None:
    axes.add_patch(Polygon(corners.numpy(), fill=False, edgecolor=colour, linewidth=1.6))
