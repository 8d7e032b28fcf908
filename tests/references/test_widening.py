"""A narrow face is made as wide as its hole, and its features stay where they are."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references.widening import widened

SIZE = 256
POINTS = DCGAN_FRAME.resized(SIZE).points()


@pytest.fixture
def narrow():
    """A picture whose colours are places, shown in less than the hole."""
    steps = torch.linspace(-1, 1, SIZE)
    picture = torch.stack([*torch.meshgrid(steps, steps, indexing="ij"), torch.zeros(SIZE, SIZE)])[None]
    visible = masks.frame_mask("face", POINTS, SIZE)
    return picture, outline(0.9), visible


def outline(scale):
    middle = POINTS.mean(0)
    return 1 - masks.frame_mask("face", (POINTS - middle) * scale + middle, SIZE)


def test_cheeks_reach_the_edge_of_the_hole(narrow):
    _, weight, visible = narrow
    _, made = widened(*narrow, POINTS)
    row = round(float(POINTS[3:, 1].mean()))  # at the mouth
    assert made[0, 0, row].sum() >= (1 - visible)[0, 0, row].sum() - 3
    column = round(float(POINTS[2, 0]))
    assert made[0, 0, SIZE // 2 :, column].sum() >= (1 - visible)[0, 0, SIZE // 2 :, column].sum() - 3, "chin"
    assert weight[0, 0, row].sum() < (1 - visible)[0, 0, row].sum() - 6, "they did not before"
    assert not (made * visible).any()


def test_features_stay_in_place(narrow):
    picture = narrow[0]
    made, _ = widened(*narrow, POINTS)
    still = outline(0.5).expand(1, 3, -1, -1) > 0.5
    assert (made - picture)[still].abs().max() < 1.5 * 2 / SIZE


def test_it_is_pulled_only_so_far():
    """A child's face in a large hole does not become a moon."""
    picture, visible = torch.zeros(1, 3, SIZE, SIZE), masks.frame_mask("face-140", POINTS, SIZE)
    row = round(float(POINTS[3:, 1].mean()))
    before = outline(0.9)
    _, made = widened(picture, before, visible, POINTS)
    assert made[0, 0, row].sum() < 1.5 * before[0, 0, row].sum()


def test_a_face_that_fills_its_hole_is_left_alone(narrow):
    picture, _, visible = narrow
    made, shown = widened(picture, 1 - visible, visible, POINTS)
    assert (made - picture).abs().max() < 5 * 2 / SIZE and (shown != 1 - visible).float().mean() < 0.005


def test_nothing_is_pulled_over_the_wall_beside_a_far_cheek(narrow):
    turned = POINTS + torch.tensor([[0.0, 0], [0, 0], [20, 0], [0, 0], [0, 0]])
    row, middle = round(float(POINTS[3:, 1].mean())), SIZE // 2
    shown = narrow[1][0, 0, row], widened(*narrow, turned)[1][0, 0, row]
    left, right = ([int(part[side].sum()) for part in shown] for side in (slice(middle), slice(middle, None)))
    assert left[1] > left[0] + 3 and abs(right[1] - right[0]) <= 2
