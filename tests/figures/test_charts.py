"""Charts: values where they belong, names that can be read."""

import numpy as np
import pytest
import torch

from deid import figures


def test_curves_smooth_without_shifting():
    x = np.arange(100)
    figure = figures.curves({"a": (x, 2.0 * x), "b": (x, -x)}, "steps", "loss", smooth=5)
    raw, smooth = figure.axes[0].lines[:2]
    assert len(raw.get_xdata()) == 100 and len(smooth.get_xdata()) == 96
    assert np.allclose(smooth.get_ydata(), 2 * smooth.get_xdata())
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["a", "b"]


def test_histogram_shows_shares_over_shared_bins():
    figure = figures.histogram({"a": torch.linspace(0, 1, 100), "b": [0.5] * 10}, "distance", bins=10)
    filled = figure.axes[0].patches
    assert sum(filled[0].get_data().values) == pytest.approx(1)
    assert np.array_equal(filled[0].get_data().edges, filled[2].get_data().edges)


def test_bars_carry_their_numbers():
    figure = figures.bars({"crops": 17345, "no face": 31}, "photos")
    assert {text.get_text() for text in figure.axes[0].texts} == {"17,345", "31"}


def test_intervals_put_each_value_at_its_name():
    figure = figures.intervals(
        {"fixed": {"blur": [0.5, 0.4, 0.6], "black": [0.0, 0.0, 0.1]}}, "found", chance=0.1
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["blur", "black"]
    dots = axes.containers[0][0]
    assert dots.get_xdata().tolist() == [0.5, 0.0] and dots.get_ydata().tolist() == [0, 1]
    assert [text.get_text() for text in figure.legends[0].texts] == ["chance", "fixed"]


def test_a_series_without_values_is_left_out():
    """An attacker that was run on no case."""
    figure = figures.intervals({"fixed": {"blur": [0.5, 0.4, 0.6]}, "adaptive": {}}, "found")
    assert [text.get_text() for text in figure.legends[0].texts] == ["fixed"]


def test_the_frontier_names_its_points_and_has_room_for_zero():
    points = {
        "blur weak": (0.1, [0.9, 0.8, 1.0]),
        "blur": (0.11, [0.9, 0.8, 1.0]),
        "black": (5.0, [0.0, 0.0, 0.01]),
    }
    figure = figures.frontier(points, "distance", "found", 0.003, lines=[["blur weak", "blur", "absent"]])
    (axes,) = figure.axes
    assert not figure.legends and axes.get_ylim()[0] < 0 and axes.get_yscale() == "symlog"
    figure.draw_without_rendering()
    named = [text for text in axes.texts if text.get_text() in points]
    boxes, inside = [text.get_window_extent() for text in named], axes.get_window_extent()
    assert [text.get_text() for text in named] == list(points)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k]), "names stand apart"
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
    places = axes.transData.transform([(x, y[0]) for x, y in points.values()])
    assert not any(box.contains(*place) for box in boxes for place in places), "no name covers a point"
