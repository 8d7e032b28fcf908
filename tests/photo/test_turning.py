"""A face found in a turned photo, back where it is."""

import pytest
import torch

from deid.photo import turning
from deid.photo.faces import Face


@pytest.mark.parametrize("quarters", range(-1, 5))
def test_a_point_of_the_turned_photo_is_the_same_pixel_of_the_photo(quarters):
    photo = torch.arange(6 * 9).view(1, 1, 6, 9).expand(1, 3, 6, 9).float()
    turned = turning.turned(photo, quarters)
    corners = ((1.0, 2.0), (4.0, 2.0), (3.0, 3.0), (2.0, 4.0), (4.0, 4.0))
    face = Face((1.0, 2.0, 4.0, 5.0), 0.5, corners, ("centerface",))
    back = turning.turned_back(face, quarters, (9, 6))
    for (x, y), (u, v) in zip(face.landmarks, back.landmarks, strict=True):
        assert turned[0, 0, int(y), int(x)] == photo[0, 0, int(v), int(u)]
    x1, y1, x2, y2 = back.box
    assert x1 < x2 and y1 < y2 and back.size == face.size and (back.score, back.by) == (0.5, ("centerface",))
    corner = {turned[0, 0, int(y), int(x)].item() for x in (1, 4) for y in (2, 5)}
    assert {photo[0, 0, int(y), int(x)].item() for x in (x1, x2) for y in (y1, y2)} == corner


def test_the_first_eye_stays_the_left_one_of_the_upright_face():
    upright = Face((10, 10, 30, 40), 1.0, ((15, 20), (25, 20), (20, 26), (16, 32), (24, 32)))
    back = turning.turned_back(upright, 2, (100, 50))  # it stands on its head in the photo
    assert back.landmarks[0][0] > back.landmarks[1][0] and back.landmarks[0][1] > back.landmarks[3][1]


def test_an_upright_photo_is_not_copied():
    photo = torch.zeros(1, 3, 4, 5)
    assert turning.turned(photo, 0) is photo and turning.turned(photo, 1).shape == (1, 3, 5, 4)
