"""Figures leave as small files in the right colours; GIFs have the right frames and times."""

import base64
import io

import imageio.v3 as iio
import numpy as np
import torch
from PIL import Image

from deid import figures
from deid.photo import images

COLOURS = [(-1.0, -1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (0.0, 0.0, 0.0), (1.0, 1.0, -1.0)]


def plain(colours=COLOURS, size: int = 64) -> torch.Tensor:
    return torch.tensor(colours).view(-1, 3, 1, 1).expand(-1, 3, size, size).clone()


def inside(page: str) -> Image.Image:
    """The picture that an ``img`` element holds."""
    return Image.open(io.BytesIO(base64.b64decode(page.partition("base64,")[2].rpartition('"')[0])))


def test_a_notebook_gets_pictures_as_webp_and_charts_as_png_at_the_size_they_are_shown():
    picture, chart = figures.grid(plain()), figures.curves({"a": ([1, 2], [3, 4])}, "x", "y")
    for figure, kind in ((picture, "WEBP"), (chart, "PNG")):
        with inside(figure._repr_html_()) as held:
            assert held.format == kind
            assert f'width="{held.width}" height="{held.height}"' in figure._repr_html_()


def test_a_page_says_what_a_figure_shows():
    picture = figures.grid(plain())
    picture.alt = 'five "colours" & more'
    assert '<img alt="five &quot;colours&quot; &amp; more" ' in picture._repr_html_()


def test_gif_has_its_frames_durations_and_loops(tmp_path):
    path = figures.gif(list(plain()), tmp_path / "a.gif", milliseconds=120, hold_last=900)
    frames = iio.imread(path)
    assert frames.shape == (5, 64, 64, 3)
    assert [iio.immeta(path, index=k)["duration"] for k in range(5)] == [120] * 4 + [900]
    assert iio.immeta(path)["loop"] == 0
    wanted = (np.array(COLOURS) + 1) * 127.5
    assert np.abs(frames[:, 32, 32] - wanted).max() < 8


def test_gif_takes_figures_and_enlarges(tmp_path):
    figure = figures.grid(plain(size=200)[:2], side=200)
    assert iio.imread(figures.gif([figure], tmp_path / "b.gif", zoom=2)).shape[-3:] == (400, 804, 3)


def test_gif_of_many_smooth_frames_keeps_colours(tmp_path):
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    frames = [ramp * (k + 1) / 40 for k in range(40)]
    back = iio.imread(figures.gif(frames, tmp_path / "c.gif", milliseconds=40))
    assert len(back) == 40
    assert np.abs(back[-1].astype(float).mean(0)[:, 0] - np.linspace(0, 255, 64)).max() < 12


def test_a_picture_is_saved_as_jpeg_twice_as_fine_as_the_screen(tmp_path):
    path = figures.save(figures.grid(plain(size=140), columns=3, side=140), tmp_path / "figures", "five")
    assert path == tmp_path / "figures" / "five.jpg"
    stored = iio.imread(path)
    assert stored.shape[:2] == (564, 848)
    assert np.abs(stored[140, 140::284].astype(float) - (np.array(COLOURS[:3]) + 1) * 127.5).max() < 8


def test_a_chart_is_saved_as_png_with_a_palette_that_keeps_its_colours(tmp_path):
    chart = figures.curves({"a": ([1, 2], [3, 4]), "b": ([1, 2], [4, 3])}, "x", "y")
    path = figures.save(chart, tmp_path, "lines")
    assert path == tmp_path / "lines.png"
    with Image.open(path) as stored:
        assert stored.mode == "P" and stored.width == 1408
        assert stored.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        drawn = images.to_uint8(figures.pixels(chart, dpi=220))[0]
        difference = np.abs(np.asarray(stored.convert("RGB")).astype(float) - drawn)
    assert difference.mean() < 0.5 and np.percentile(difference, 99.9) < 24, "soft edges and all five colours"
