"""Figures made of images: the right pixels in the right places."""

import numpy as np
import pytest
import torch

from deid import figures
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face

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
    drawn = figures.pixels(figures.grid(plain(size=140), columns=3, side=140))
    expected = figures.mosaic(plain(size=140), 3)
    assert drawn.shape == expected.shape
    assert (drawn - expected).abs().max() < 0.02


@pytest.mark.parametrize("side", [180, 200, 300])
def test_grid_with_titles_and_rows_keeps_colours_and_order(side):
    figure = figures.grid(plain()[:4], columns=2, titles=list("abcd"), rows=["first", "second"], side=side)
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c", "d", "first", "second"]
    drawn = figures.pixels(figure)
    right, bottom = drawn.shape[3] - side // 2, drawn.shape[2] - side // 2
    centres = [drawn[0, :, y, x] for y in (side // 2 + 21, bottom) for x in (right - side - 2, right)]
    assert torch.allclose(torch.stack(centres), torch.tensor(COLOURS[:4]), atol=0.02)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [64, 400])
def test_no_face_is_shown_under_120_pixels_and_no_figure_under_400(count, size):
    batch = plain([(0.5, 0.0, -0.5)] * count, size)
    figure = figures.before_after(batch, batch, names=["before", "after"])
    drawn = figures.pixels(figure)
    assert drawn.shape[3] >= 400
    assert drawn.shape[2] // 2 >= 120
    assert drawn.shape[3] <= 1000, "it fits into a notebook's column"


def test_before_after_has_a_row_a_stage():
    figure = figures.before_after(plain()[:3], plain()[:3], names=["before", "after"], side=150)
    drawn = figures.pixels(figure)
    assert drawn.shape[2] == 302
    assert torch.equal(drawn[:, :, :150, -454:], drawn[:, :, 152:, -454:])


def test_rows_may_differ_in_length():
    figure = figures.rows({"two": plain(COLOURS[:2]), "one": plain(COLOURS[2:3])}, side=200)
    drawn = figures.pixels(figure)[0]
    right = drawn[:, :, -402:]
    assert drawn.shape[1] == 2 * 200 + 2
    for place, colour in (((100, 100), COLOURS[0]), ((100, 302), COLOURS[1]), ((302, 100), COLOURS[2])):
        assert torch.allclose(right[:, place[0], place[1]], torch.tensor(colour), atol=0.02)
    assert (right[:, 206:, 206:] == 1).all(), "nothing where the second row has ended"


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


def test_counted_examples_stand_in_a_row_for_each_name_the_largest_first():
    red, blue = plain([(1.0, -1.0, -1.0), (-1.0, -1.0, 1.0)]).split(1)
    figure = figures.counted({"few": [blue], "many": [red] * 5}, columns=3)
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names == ["many: 5", "few: 1"]
    drawn = figures.pixels(figure)[0, :, :, -364:]
    for place, colour in (((60, 60), red), ((60, 304), red), ((182, 60), blue)):
        assert (drawn[:, place[0], place[1]] - colour[0, :, 0, 0]).abs().max() < 0.1
    assert (drawn[:, 182, 182] > 0.9).all(), "white where there is no further example"
