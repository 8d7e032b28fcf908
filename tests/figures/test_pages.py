"""A stored figure stands in a page: as it is, or as a film with the GIF's times."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from deid import figures


def held(page: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(page.partition("base64,")[2].rpartition('"')[0])))


def test_a_stored_picture_has_its_text_and_the_width_that_is_asked_for(tmp_path):
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "a.jpg")
    page = figures.stored(tmp_path / "a.jpg", "a <field>", width=600)._repr_html_()
    assert page.startswith('<img alt="a &lt;field&gt;" width="600" height="400"')
    assert held(page).size == (600, 400), "no more pixels than are shown"
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "a.png")
    page = figures.stored(tmp_path / "a.png", "a chart", width=150)._repr_html_()
    assert 'width="150" height="100"' in page and held(page).format == "PNG" and held(page).size == (300, 200)


def test_a_gif_moves_in_the_page_with_its_own_times(tmp_path):
    frames = [torch.full((1, 3, 40, 60), value) for value in (-1.0, 0.0, 1.0)]
    path = figures.gif(frames, tmp_path / "a.gif", milliseconds=120, hold_last=900)
    page = figures.stored(path, "it grows lighter")._repr_html_()
    film, times, greys = held(page), [], []
    for index in range(film.n_frames):
        film.seek(index)
        film.load()
        times.append(film.info["duration"])
        greys.append(np.asarray(film.convert("L")).mean())
    assert film.format == "WEBP" and times == [120, 120, 900]
    assert greys == pytest.approx([0, 128, 255], abs=4)


def test_a_long_film_has_fewer_frames_and_lasts_as_long(tmp_path):
    frames = [torch.full((1, 3, 40, 60), value / 20 - 1) for value in range(41)]
    film = held(figures.stored(figures.gif(frames, tmp_path / "a.gif", 100, 2000), "")._repr_html_())
    times = []
    for index in range(film.n_frames):
        film.seek(index)
        film.load()
        times.append(film.info["duration"])
    assert 6 <= len(times) <= 12 and sum(times) == 40 * 100 + 2000


def test_a_figure_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OSError, match="missing.png"):
        figures.stored(tmp_path / "missing.png", "")._repr_html_()
