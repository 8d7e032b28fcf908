"""Charts: curves, histograms, bars, intervals, and the frontier between two measures."""

import itertools
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, PercentFormatter, StrMethodFormatter

from deid.figures.canvas import COLOURS, INK, QUIET, STYLE, NotebookFigure

LABEL = 7  # points of type, of a name in a chart


@mpl.rc_context(STYLE)
def curves(
    series: Mapping[str, tuple], xlabel: str, ylabel: str, smooth: int = 1, logarithmic: bool = False
) -> Figure:
    """Lines (x, y) by name; ``smooth`` averages over so many points; the raw line stays, faint."""
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
    figure.legend(loc="outside upper center", ncols=2) if len(values) > 1 else None
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
def intervals(
    series: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str, chance: float | None = None
) -> Figure:
    """A line for each name, a dot and an interval [value, low, high] a series; ``chance`` is dashed.

    A series without values is left out.
    """
    series = {label: values for label, values in series.items() if values}
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
    points: Mapping[str, tuple[float, Sequence[float]]],
    xlabel: str,
    ylabel: str,
    chance: float,
    lines: Sequence[Sequence[str]] = (),
) -> Figure:
    """Points with their names beside them: x, logarithmic, and a share y [value, low, high].

    A name's first word is the method, which has a colour; ``lines`` join its settings. The shares' scale is
    linear up to ``chance`` and logarithmic above, so that zero has a place.
    """
    figure = NotebookFigure(figsize=(8.6, 4.8), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel, xscale="log")
    axes.set_yscale("symlog", linthresh=chance, linscale=0.5)
    axes.set(ylim=(-0.1 * chance, 1.4), yticks=(0, 0.01, 0.1, 1))
    axes.axhline(chance, color=QUIET, linestyle=(0, (4, 3)), linewidth=1)
    axes.annotate("chance", (1, chance), xycoords=("axes fraction", "data"), ha="right", va="bottom", size=7)
    methods = list(dict.fromkeys(name.split()[0] for name in points))
    colours = dict(zip(methods, itertools.cycle((INK, *COLOURS)), strict=False))
    for line in lines:
        known = [name for name in line if name in points]
        joined = np.array([(points[name][0], points[name][1][0]) for name in known]).reshape(-1, 2)
        axes.plot(*joined.T, color=colours.get(line[0].split()[0]), linewidth=1, alpha=0.5)
    dots = {"fmt": "o", "ms": 4.5, "elinewidth": 0.8}
    for name, (x, (y, low, high)) in points.items():
        reach = [[max(y - low, 0)], [max(high - y, 0)]]
        axes.errorbar(x, y, yerr=reach, color=colours[name.split()[0]], **dots)
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _name(axes, points, colours)
    return figure


def _name(
    axes: Axes, points: Mapping[str, tuple[float, Sequence[float]]], colours: Mapping[str, str]
) -> None:
    """Write its name beside each point, where it covers least of points, intervals and other names."""
    axes.figure.draw_without_rendering()
    unit = axes.figure.dpi / 72  # pixels a point of type
    spots = [[axes.transData.transform((x, height)) for height in y] for x, y in points.values()]
    places = [spot[0] for spot in spots]
    # Middle and half the size of what is there: points, with some room, and intervals.
    taken = [(*place, 5 * unit, 5 * unit) for place in places]
    taken += [(x, (low + high) / 2, unit, (high - low) / 2) for _, (x, low), (_, high) in spots]
    left, bottom, right, top = axes.get_window_extent().extents
    for name, place in zip(points, places, strict=True):
        size = np.array([0.27 * LABEL * len(name), 0.6 * LABEL]) * unit
        best, least = place, np.inf
        for far, turn in itertools.product((8, 16, 28, 42), np.arange(16) / 8 * np.pi):
            way = np.array([np.cos(turn), np.sin(turn)])
            middle = place + way * (far * unit + size * np.abs(way))
            covered = sum(_overlap((*middle, *size), other) for other in taken)
            outside = np.clip([left - middle[0] + size[0], middle[0] + size[0] - right], 0, None).sum()
            outside += np.clip([bottom - middle[1] + size[1], middle[1] + size[1] - top], 0, None).sum()
            cost = covered + 100 * outside + far * unit * unit
            if cost < least:
                best, least = middle, cost
        taken.append((*best, *size))
        text = {"textcoords": "offset points", "ha": "center", "va": "center", "size": LABEL}
        text["path_effects"] = [withStroke(linewidth=2, foreground="white")]
        near = np.abs(best - place) - size < 12 * unit
        line = None if near.all() else {"arrowstyle": "-", "color": QUIET, "linewidth": 0.5}
        colour = colours[name.split()[0]]
        point, offset = (points[name][0], points[name][1][0]), (best - place) / unit
        axes.annotate(name, point, xytext=offset, color=colour, arrowprops=line, **text)


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """The area that two rectangles (x, y, half the width, half the height) share."""
    sides = [one[k + 2] + other[k + 2] - abs(one[k] - other[k]) for k in (0, 1)]
    return max(sides[0], 0) * max(sides[1], 0)


def _plot(xlabel: str, ylabel: str, height: float = 3.0) -> tuple[Figure, Axes]:
    figure = NotebookFigure(figsize=(6.4, height), layout="constrained")
    return figure, figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
