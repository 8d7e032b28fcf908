"""Figures: the right pixels in the right places, GIFs with the right frames and times."""

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from deid import figures
from deid.faces import DCGAN_FRAME, Face

COLOURS = [(-1.0, -1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (0.0, 0.0, 0.0), (1.0, 1.0, -1.0)]


def plain(colours=COLOURS, size: int = 64) -> torch.Tensor:
    return torch.tensor(colours).view(-1, 3, 1, 1).expand(-1, 3, size, size).clone()


def test_mosaic_places_images_row_by_row_with_a_white_gap():
    batch = plain()
    whole = figures.mosaic(batch, columns=3, gap=2)
    assert whole.shape == (1, 3, 130, 196)
    for index, image in enumerate(batch):
        top, left = index // 3 * 66, index % 3 * 66
        assert torch.equal(whole[0, :, top : top + 64, left : left + 64], image)
    assert (whole[:, :, 64:66] == 1).all() and (whole[:, :, :, 64:66] == 1).all()
    assert (whole[:, :, 66:, 132:] == 1).all()


def test_mosaic_of_fewer_images_than_columns_is_one_row():
    assert figures.mosaic(plain()[:2], columns=8).shape == (1, 3, 64, 130)


def test_grid_draws_each_pixel_once_in_its_colour():
    drawn = figures.pixels(figures.grid(plain(), columns=3))
    expected = figures.mosaic(plain(), 3)
    assert drawn.shape == expected.shape
    assert (drawn - expected).abs().max() < 0.02


@pytest.mark.parametrize("zoom", [1, 1.5, 2])
def test_grid_with_titles_and_rows_keeps_colours_and_order(zoom):
    figure = figures.grid(plain()[:4], columns=2, titles=list("abcd"), rows=["first", "second"], zoom=zoom)
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c", "d", "first", "second"]
    drawn, side = figures.pixels(figure), round(64 * zoom)
    right, bottom = drawn.shape[3] - side // 2, drawn.shape[2] - side // 2
    centres = [drawn[0, :, y, x] for y in (side // 2 + 21, bottom) for x in (right - side - 2, right)]
    assert torch.allclose(torch.stack(centres), torch.tensor(COLOURS[:4]), atol=0.02)


def test_before_after_has_a_row_a_stage():
    figure = figures.before_after(plain()[:3], plain()[:3], names=["before", "after"], zoom=1)
    drawn = figures.pixels(figure)
    assert drawn.shape[2] == 130
    assert torch.equal(drawn[:, :, :64, -194:], drawn[:, :, 66:, -194:])


def test_side_by_side_gives_photos_of_any_size_one_height():
    figure = figures.side_by_side([plain(size=64)[:1], torch.zeros(3, 300, 600)], titles=["small", "wide"])
    first, second = (axes.get_window_extent() for axes in figure.axes)
    assert first.height == pytest.approx(second.height)
    assert second.width == pytest.approx(2 * first.width)


def test_boxes_draws_box_landmarks_and_frame_where_they_are():
    points = DCGAN_FRAME.resized(100).points() + 50
    face = Face((60.0, 60.0, 140.0, 150.0), 0.987, tuple(map(tuple, points.tolist())))
    figure = figures.boxes(torch.zeros(1, 3, 200, 300), [face], [DCGAN_FRAME.matrix(face)])
    axes = figure.axes[0]
    box, frame = (patch.get_xy()[:4] for patch in axes.patches)
    assert np.allclose(box, [[60, 60], [140, 60], [140, 150], [60, 150]])
    assert np.allclose(frame, [[49.5, 49.5], [149.5, 49.5], [149.5, 149.5], [49.5, 149.5]])
    assert np.allclose(axes.lines[0].get_xydata(), points)
    assert axes.get_xlim() == (-0.5, 299.5) and axes.texts[0].get_text() == "0.987"


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
    figure = figures.bars({"kept": 17345, "no face": 31}, "photos")
    assert {text.get_text() for text in figure.axes[0].texts} == {"17,345", "31"}


def test_save_writes_png_twice_as_fine_as_the_screen(tmp_path):
    path = figures.save(figures.grid(plain(), columns=3), tmp_path / "figures", "five")
    assert path == tmp_path / "figures" / "five.png"
    assert iio.imread(path).shape[:2] == (260, 392)


def test_a_notebook_gets_pictures_as_jpeg_and_lines_as_png():
    picture, lines = figures.grid(plain()), figures.curves({"a": ([1, 2], [3, 4])}, "x", "y")
    assert list(picture._repr_mimebundle_()) == ["image/jpeg"]
    assert lines._repr_mimebundle_()["image/png"].startswith(b"\x89PNG")


def test_gif_has_its_frames_durations_and_loops(tmp_path):
    path = figures.gif(list(plain()), tmp_path / "a.gif", milliseconds=120, hold_last=900)
    frames = iio.imread(path)
    assert frames.shape == (5, 64, 64, 3)
    assert [iio.immeta(path, index=k)["duration"] for k in range(5)] == [120] * 4 + [900]
    assert iio.immeta(path)["loop"] == 0
    wanted = (np.array(COLOURS) + 1) * 127.5
    assert np.abs(frames[:, 32, 32] - wanted).max() < 8


def test_gif_takes_figures_and_enlarges(tmp_path):
    figure = figures.grid(plain()[:2])
    assert iio.imread(figures.gif([figure], tmp_path / "b.gif", zoom=2)).shape[-3:] == (128, 260, 3)


def test_gif_of_many_smooth_frames_keeps_colours(tmp_path):
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    frames = [ramp * (k + 1) / 40 for k in range(40)]
    back = iio.imread(figures.gif(frames, tmp_path / "c.gif", milliseconds=40))
    assert len(back) == 40
    assert np.abs(back[-1].astype(float).mean(0)[:, 0] - np.linspace(0, 255, 64)).max() < 12


def test_intervals_put_each_value_at_its_name():
    figure = figures.intervals({"fixed": {"blur": [0.5, 0.4, 0.6], "black": [0.0, 0.0, 0.1]}}, "found", chance=0.1)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["blur", "black"]
    dots = axes.containers[0][0]
    assert dots.get_xdata().tolist() == [0.5, 0.0] and dots.get_ydata().tolist() == [0, 1]
    assert [text.get_text() for text in figure.legends[0].texts] == ["chance", "fixed"]


def test_the_frontier_numbers_its_points_and_has_room_for_zero():
    points = {"blur weak": (0.1, [0.9, 0.8, 1.0]), "blur": (0.11, [0.9, 0.8, 1.0]), "black": (5.0, [0.0, 0.0, 0.01])}
    figure = figures.frontier(points, "distance", "found", 0.003, lines=[["blur weak", "blur", "nobody"]])
    (axes,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["chance", "1  blur weak", "2  blur", "3  black"]
    assert axes.get_ylim()[0] < 0 and axes.get_yscale() == "symlog"
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k]), "neighbours' numbers stand apart"
