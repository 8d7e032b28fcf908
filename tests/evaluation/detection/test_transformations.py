"""Photos made harder to look at: where their faces lie then."""

import pytest
import torch

from deid.evaluation.detection import transformations

BOX = (12.0, 6.0, 22.0, 20.0)


@pytest.fixture
def photo() -> torch.Tensor:
    """A black photo (1, 3, 40, 60) with a white face."""
    photo = torch.full((1, 3, 40, 60), -1.0)
    photo[:, :, 6:21, 12:23] = 1
    return photo


def lit(photo: torch.Tensor, box: tuple) -> float:
    """How bright the middle half of a box is."""
    x1, y1, x2, y2 = box
    across, down = (x2 - x1) / 4, (y2 - y1) / 4
    part = photo[:, :, round(y1 + down) : round(y2 - down) + 1, round(x1 + across) : round(x2 - across) + 1]
    return part.mean().item()


@pytest.mark.parametrize("name", [n for n in transformations.NAMES if "dark" not in n and n != "cut"])
def test_the_face_is_where_the_boxes_say(photo, name):
    changed, places = transformations.change(name, photo, BOX)
    boxes = places(BOX)
    assert len(boxes) == (4 if name == "tiled" else 1)
    assert min(lit(changed, box) for box in boxes) > 0.8
    height, width = changed.shape[2:]
    inside = torch.zeros(height, width, dtype=torch.bool)
    for x1, y1, x2, y2 in boxes:
        inside[max(0, int(y1) - 7) : int(y2) + 9, max(0, int(x1) - 7) : int(x2) + 9] = True
    assert (changed[0, 0][~inside] < 0.1).all(), "the face is nowhere else"


def test_a_quarter_turn_is_exact(photo):
    turned, places = transformations.change("turned 90", photo, BOX)
    torch.testing.assert_close(turned, torch.rot90(photo, -1, (2, 3)), rtol=0, atol=1e-4)
    assert places(BOX)[0] == pytest.approx((39 - 20, 12, 39 - 6, 22))


def test_what_is_lost_in_the_dark_stays_lost():
    photo = torch.linspace(-1, 1, 256).expand(1, 3, 4, 256)
    dark = transformations.change("dark 1/16", photo, BOX).photo
    levels = ((dark + 1) / 2 * 255).round()
    assert levels.max() == 16 and len(levels.unique()) == 17


def test_half_of_the_largest_face_is_left_at_the_border(photo):
    cut, places = transformations.change("cut", photo, BOX)
    assert cut.shape == (1, 3, 40, 43) and places(BOX) == [(-0.5, 6, 5, 20)]
    assert lit(cut, (0, 6, 5, 20)) == 1 and places((0, 0, 9, 9)) == []
