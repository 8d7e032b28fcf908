"""Everything that is drawn: grids, curves, histograms, boxes on photos, GIFs. The only file that draws.
Images are (N, 3, H, W) in [-1, 1]. Figures show themselves in a notebook; ``save`` writes them."""

import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import EngFormatter, PercentFormatter, StrMethodFormatter
from PIL import Image
from torch import Tensor

from deid import images
from deid.faces import Face, apply

DPI = 110
INK, QUIET, FAINT, *COLOURS = "#24292f #6e7781 #d9dee3 #2a6f97 #d0603a #4b8f6a #8a5a9e #b8912f".split()
STYLE = {
    "font.size": 9, "figure.facecolor": "white", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": QUIET,
    "axes.titlesize": 9, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.8, "axes.grid": True, "axes.axisbelow": True, "grid.color": FAINT, "grid.linewidth": 0.6,
    "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.frameon": False,
}  # fmt: skip


class Drawing(Figure):
    """A matplotlib figure that a notebook shows without pyplot: pictures as JPEG, lines as PNG, both small."""

    def _repr_mimebundle_(self, **_) -> dict[str, bytes]:
        raster = _raster(self, DPI)
        if any(axes.images for axes in self.axes):
            return {"image/jpeg": _encode(raster, "jpeg", quality=85)}
        return {"image/png": _encode(raster.quantize(64, dither=Image.Dither.NONE), "png")}


def save(figure: Figure, folder: str | Path, name: str, dpi: int = 2 * DPI) -> Path:
    """Write ``folder/name.png`` and return its path."""
    images.write_atomically(path := Path(folder) / f"{name}.png", _encode(_raster(figure, dpi), "png"))
    return path


def pixels(figure: Figure, dpi: int = DPI) -> Tensor:
    """The drawn figure as an image (1, 3, H, W) in [-1, 1]: a frame for ``gif``."""
    return images.from_uint8(np.asarray(_raster(figure, dpi)))


def mosaic(batch: Tensor, columns: int = 8, gap: int = 2) -> Tensor:
    """Images (N, 3, H, W) row by row on white, ``gap`` pixels between them -> (1, 3, ...)."""
    padded, columns = F.pad(batch, (0, gap, 0, gap), value=1.0), min(columns, len(batch))
    missing = torch.ones(-len(batch) % columns, *padded.shape[1:])
    tiles = torch.cat([padded, missing]).unflatten(0, (-1, columns))  # rows, columns, 3, H, W
    return tiles.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)[None, :, : -gap or None, : -gap or None]


@mpl.rc_context(STYLE)
def grid(
    batch: Tensor, columns: int = 8, titles: Sequence[str] = (), rows: Sequence[str] = (), zoom: float = 1, gap: int = 2
) -> Figure:
    """Images (N, 3, H, W) line by line, enlarged by ``zoom``; ``titles`` above each, ``rows`` name the lines."""
    batch = F.interpolate(batch, scale_factor=zoom, mode="bicubic", antialias=zoom < 1) if zoom != 1 else batch
    columns, (height, width) = min(columns, len(batch)), batch.shape[2:]
    head = 5 + 16 * max(title.count("\n") + 1 for title in titles) if titles else 0
    left = 14 + 8 * max(len(part) for name in rows for part in name.split("\n")) if rows else 0
    whole = mosaic(F.pad(batch, (0, 0, head, 0), value=1.0), columns, gap)
    across, down = whole.shape[3] + left, whole.shape[2]
    figure = Drawing(figsize=(across / DPI, down / DPI))
    axes = figure.add_axes((left / across, 0, 1 - left / across, 1))
    _show(axes, whole[0], "nearest")
    for index, title in enumerate(titles):
        x, y = index % columns * (width + gap) + width / 2, index // columns * (height + head + gap) + head - 3
        axes.text(x, y, title, ha="center", va="bottom")
    for index, name in enumerate(rows):
        axes.text(-8, index * (height + head + gap) + head + height / 2, name, ha="right", va="center")
    return figure


def before_after(*stages: Tensor, names: Sequence[str], zoom: float = 1.5) -> Figure:
    """Stages of the same images, each (N, 3, H, W): a column per image, a row per stage with its name."""
    return grid(torch.cat(stages), len(stages[0]), rows=names, zoom=zoom)


@mpl.rc_context(STYLE)
def side_by_side(photos: Sequence[Tensor], titles: Sequence[str] = (), height: float = 2.2) -> Figure:
    """Photos of any size, (1, 3, H, W) or (3, H, W), at one ``height`` in inches; draw on with ``figure.axes[k]``."""
    photos, gap = [photo.squeeze(0) for photo in photos], 0.08
    widths = [photo.shape[2] / photo.shape[1] * height for photo in photos]
    across = sum(widths) + gap * (len(widths) - 1)
    down = height + (0.12 + 0.15 * max(title.count("\n") + 1 for title in titles) if titles else 0)
    figure = Drawing(figsize=(across, down))
    for index, photo in enumerate(photos):
        x = (sum(widths[:index]) + gap * index) / across
        axes = figure.add_axes((x, 0, widths[index] / across, height / down))
        _show(axes, photo, "nearest" if photo.shape[1] < 100 else "antialiased")
        axes.set_title(titles[index] if titles else "", pad=4)
    return figure


@mpl.rc_context(STYLE)
def boxes(
    photo: Tensor, found: Sequence[Face], matrices: Sequence[Tensor] = (), size: int = 64, axes: Axes | None = None
) -> Figure:
    """Draw face boxes, landmarks and, for each matrix, the square of the ``size`` px frame on a photo (1, 3, H, W)."""
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


@mpl.rc_context(STYLE)
def curves(series: Mapping[str, tuple], xlabel: str, ylabel: str, smooth: int = 1, logarithmic: bool = False) -> Figure:
    """Lines (x, y) by name; ``smooth`` averages over so many points and leaves the raw line faintly behind."""
    figure, axes = _plot(xlabel, ylabel)
    for colour, (name, (x, y)) in zip(COLOURS, series.items(), strict=False):
        x, y = np.asarray(x, float), np.asarray(y, float)
        if smooth > 1 and len(y) >= 2 * smooth:
            axes.plot(x, y, color=colour, alpha=0.18, linewidth=0.7)
            y = np.convolve(y, np.full(smooth, 1 / smooth), "valid")
            x = x[smooth // 2 : smooth // 2 + len(y)]
        axes.plot(x, y, color=colour, label=name)
    axes.set_yscale("log" if logarithmic else "linear")
    if axes.get_xlim()[1] >= 1e4:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend() if len(series) > 1 else None
    return figure


@mpl.rc_context(STYLE)
def histogram(values: Mapping[str, Sequence[float]], xlabel: str, bins: int = 40) -> Figure:
    """Distributions by name over shared bins, as shares, each with a dashed line at its median."""
    figure, axes = _plot(xlabel, "share")
    edges = np.histogram_bin_edges(np.concatenate([np.asarray(v, float) for v in values.values()]), bins)
    for colour, (name, value) in zip(COLOURS, values.items(), strict=False):
        shares = np.histogram(value, edges)[0] / len(value)
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.22)
        axes.stairs(shares, edges, color=colour, linewidth=1.4, label=name)
        axes.axvline(np.median(value), color=colour, linestyle=(0, (4, 3)), linewidth=1)
    axes.legend() if len(values) > 1 else None
    return figure


@mpl.rc_context(STYLE)
def bars(values: Mapping[str, float], xlabel: str) -> Figure:
    """One horizontal bar per name, its number at the end."""
    figure, axes = _plot(xlabel, "", 0.7 + 0.3 * len(values))
    drawn = axes.barh(list(values), list(values.values()), height=0.62, color=COLOURS[0])
    axes.bar_label(drawn, [f"{value:,.5g}" for value in values.values()], padding=4, color=INK)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9, grid_alpha=0)
    axes.margins(x=0.12)
    return figure


@mpl.rc_context(STYLE)
def intervals(series: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str, chance: float | None = None) -> Figure:
    """For each name a line, with a dot and an interval [value, low, high] of each series; ``chance`` is dashed."""
    names = list(dict.fromkeys(name for values in series.values() for name in values))
    figure, axes = _plot(xlabel, "", 0.8 + 0.27 * len(names))
    if chance is not None:
        axes.axvline(chance, color=QUIET, linestyle=(0, (4, 3)), linewidth=1, label="chance")
    for index, (colour, (label, values)) in enumerate(zip(COLOURS, series.items(), strict=False)):
        y = [names.index(name) + 0.22 * (index - (len(series) - 1) / 2) for name in values]
        value, low, high = np.array(list(values.values())).T
        reach = [np.maximum(value - low, 0), np.maximum(high - value, 0)]
        axes.errorbar(value, y, xerr=reach, fmt="o", ms=4.5, color=colour, capsize=2, label=label)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8)
    axes.set(ylim=(len(names) - 0.4, -0.6))
    figure.legend(loc="outside upper right", ncols=len(series) + 1)
    return figure


@mpl.rc_context(STYLE)
def frontier(
    points: Mapping[str, tuple[float, Sequence[float]]], xlabel: str, ylabel: str, chance: float,
    lines: Sequence[Sequence[str]] = (),
) -> Figure:  # fmt: skip
    """Numbered points, a legend beside them: x, logarithmic, and a share y [value, low, high].

    A name's first word is the method, which has a colour; ``lines`` join its settings. The shares' scale is linear up
    to ``chance`` and logarithmic above, so that zero has a place.
    """
    figure = Drawing(figsize=(8.6, 4.8), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel, xscale="log")
    axes.set_yscale("symlog", linthresh=chance, linscale=0.5)
    axes.set(ylim=(-0.1 * chance, 1.4), yticks=(0, 0.01, 0.1, 1))
    axes.axhline(chance, color=QUIET, linestyle=(0, (4, 3)), linewidth=1, label="chance")
    methods = list(dict.fromkeys(name.split()[0] for name in points))
    colours = dict(zip(methods, itertools.cycle((INK, QUIET, *COLOURS)), strict=False))
    for line in lines:
        known = [name for name in line if name in points]
        joined = np.array([(points[name][0], points[name][1][0]) for name in known]).reshape(-1, 2)
        axes.plot(*joined.T, color=colours.get(line[0].split()[0]), linewidth=1, alpha=0.5)
    for number, (name, (x, (y, low, high))) in enumerate(points.items(), 1):
        colour = colours[name.split()[0]]
        reach = [[max(y - low, 0)], [max(high - y, 0)]]
        axes.errorbar(x, y, yerr=reach, fmt="o", ms=4.5, color=colour, elinewidth=0.8, label=f"{number}  {name}")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside right upper", fontsize=7.5)
    _number(axes, [(x, y[0]) for x, y in points.values()])
    return figure


def _number(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Write its number beside each point, where it covers least of the other points and numbers."""
    axes.figure.draw_without_rendering()
    taken = axes.transData.transform(points)
    around = 12 * np.exp(1j * np.pi * np.array([0, 0.25, 0.75, 1, 1.25, 1.75]))  # not above or below: intervals
    offsets = np.stack([around.real, around.imag], 1)
    for number, point in enumerate(axes.transData.transform(points), 1):
        free = [np.sort(np.linalg.norm(taken - (point + offset), axis=1))[:2].sum() for offset in offsets]
        best = offsets[int(np.argmax(free))]
        taken = np.vstack([taken, point + best])
        axes.annotate(str(number), points[number - 1], xytext=best * 72 / axes.figure.dpi, textcoords="offset points",
                      ha="center", va="center", size=7, color=INK)  # fmt: skip


def gif(frames: Sequence, path: str | Path, milliseconds: int = 120, hold_last: int = 1500, zoom: int = 1) -> Path:
    """An endless GIF of images (1, 3, H, W), (3, H, W) or figures in one palette; the last stays ``hold_last`` ms."""
    tensors = [pixels(frame) if isinstance(frame, Figure) else frame for frame in frames]
    pictures = [Image.fromarray(images.to_uint8(tensor.reshape(1, *tensor.shape[-3:]))[0]) for tensor in tensors]
    pictures = [p.resize((p.width * zoom, p.height * zoom), Image.Resampling.BICUBIC) for p in pictures]
    chosen = pictures[:: -(-len(pictures) // 16)] + pictures[-1:]  # one palette: colours do not flicker
    palette = Image.fromarray(np.concatenate([np.asarray(p) for p in chosen])).quantize(255)
    first, *later = [p.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for p in pictures]
    options = {"append_images": later, "duration": [milliseconds] * len(later) + [hold_last], "loop": 0}
    images.write_atomically(path := Path(path), _encode(first, "gif", save_all=True, **options))
    return path


def _raster(figure: Figure, dpi: int) -> Image.Image:
    figure.savefig(drawn := io.BytesIO(), format="png", dpi=dpi)
    return Image.open(drawn).convert("RGB")


def _encode(picture: Image.Image, kind: str, **options) -> bytes:
    picture.save(encoded := io.BytesIO(), kind, optimize=True, **options)
    return encoded.getvalue()


def _show(axes: Axes, image: Tensor, interpolation: str) -> None:
    axes.imshow(images.to_uint8(image[None])[0], interpolation=interpolation)
    axes.set(autoscale_on=False, xticks=(), yticks=(), frame_on=False)  # what is drawn on a photo keeps its borders


def _outline(axes: Axes, corners: Tensor, colour: str) -> None:
    axes.add_patch(Polygon(corners.numpy(), fill=False, edgecolor=colour, linewidth=1.6))


def _plot(xlabel: str, ylabel: str, height: float = 3.0) -> tuple[Figure, Axes]:
    figure = Drawing(figsize=(6.4, height), layout="constrained")
    return figure, figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
