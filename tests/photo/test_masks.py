"""Masks: the study's squares, and an outline that covers the face whatever way the head is turned."""

import math

import pytest
import torch
import torch.nn.functional as F

from deid.photo import alignment, masks
from deid.photo.alignment import DCGAN_FRAME


@pytest.mark.parametrize(("mask", "side"), [("centre-32", 32), ("centre-50", 50)])
def test_square_masks_hide_the_studys_squares(mask, side):
    hidden = 1 - masks.frame_mask(mask, DCGAN_FRAME.points(), 64)
    margin = (64 - side) // 2
    assert hidden.sum() == side * side
    assert hidden[0, 0, margin : 64 - margin, margin : 64 - margin].all()


def test_the_outline_covers_brows_to_chin_and_leaves_surroundings():
    hidden = 1 - masks.frame_mask("face", DCGAN_FRAME.points(), 64)[0, 0]
    left_eye, right_eye, _, left_mouth, _ = DCGAN_FRAME.points()
    eye_distance = (right_eye - left_eye)[0].item()
    for x, y in DCGAN_FRAME.points().round().int().tolist():
        assert hidden[y, x] == 1
    middle = 32
    assert hidden[int(left_eye[1] - 0.45 * eye_distance), middle] == 1, "the brows are hidden"
    assert hidden[int(left_mouth[1] + 0.7 * eye_distance), middle] == 1, "the chin is hidden"
    assert hidden[0].sum() == hidden[-1].sum() == hidden[:, 0].sum() == hidden[:, -1].sum() == 0


def test_the_outline_follows_a_turned_head():
    turned = DCGAN_FRAME.points()
    turned[2, 0] += 14  # the nose points to the right, beyond the right eye
    straight = 1 - masks.frame_mask("face", DCGAN_FRAME.points(), 64)[0, 0]
    follows = 1 - masks.frame_mask("face", turned, 64)[0, 0]
    tip = turned[2].round().int()
    assert follows[tip[1], tip[0] + 5] == 1
    assert follows[:, 32:].sum() > straight[:, 32:].sum()


def test_the_far_cheek_of_a_turned_head_is_nearer():
    """Beside it a wall is seen, and a hole there would have to be filled with one."""
    frontal = DCGAN_FRAME.resized(128).points()
    row, middle = 75, 63
    hidden = []
    for moved in (0, 12, -12):
        turned = frontal.clone()
        turned[2, 0] += moved
        hidden.append(1 - masks.frame_mask("turned", turned, 128)[0, 0, row])
    straight, right, left = hidden
    assert right[middle + 1 :].sum() < 0.85 * straight[middle + 1 :].sum()
    assert abs(right[:middle].sum() - straight[:middle].sum()) <= 1, "the near one stays"
    assert abs(left[:middle].sum() - right[middle + 1 :].sum()) <= 2, "both sides alike"


def test_a_mask_is_the_same_shape_in_frame_and_photo():
    """Hidden area in photo pixels is the frame's times the scale squared, whatever the rotation."""
    turn, scale = math.radians(25), 3.7
    linear = scale * torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = torch.cat([linear.double(), torch.tensor([[400.0], [150.0]], dtype=torch.float64)], 1)
    y, x = torch.meshgrid(torch.arange(700.0), torch.arange(700.0), indexing="ij")
    points = alignment.apply(alignment.invert(matrix), torch.stack([x, y], -1).reshape(-1, 2).double())
    in_photo = masks.hides("face", points, DCGAN_FRAME.points(), 64).sum().item()
    in_frame = (1 - masks.frame_mask("face", DCGAN_FRAME.points(), 64)).sum().item()
    assert in_photo == pytest.approx(in_frame * scale**2, rel=0.02)


def test_more_of_the_forehead_is_hidden_and_the_jaw_is_narrower():
    points = DCGAN_FRAME.resized(256).points()
    face, other, larger = (
        masks.frame_mask(name, points, 256)[0, 0] < 0.5 for name in ("face", "forehead", "face-120")
    )
    assert (other <= larger).all()
    added, left_out = (other & ~face).nonzero()[:, 0], (face & ~other).nonzero()[:, 0]
    assert len(added) > 800 and added.max() < points[2, 1], "above the tip of the nose"
    assert len(left_out) > 500 and left_out.min() > points[2, 1], "beside the mouth and the chin"
    lowest = [mask.nonzero()[:, 0].max() for mask in (face, other)]
    assert lowest[0] - lowest[1] <= 1, "the chin is hidden as far down"


def test_the_inner_face_is_less_than_a_face_with_its_forehead_and_holds_brows_and_mouth():
    points = DCGAN_FRAME.resized(256).points()
    inner, more = (masks.frame_mask(name, points, 256)[0, 0] < 0.5 for name in ("inner", "forehead"))
    assert (inner <= more).all() and 0.7 < inner.sum() / more.sum() < 0.9
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    unit = (points[1] - points[0]).norm()
    for where in (eyes - torch.tensor([0, 0.55]) * unit, mouth + torch.tensor([0, 0.45]) * unit):
        x, y = where.round().long().tolist()
        assert inner[y, x], "brows, and what lies below the lip"
    x, y = (mouth + torch.tensor([0, 0.75]) * unit).round().long().tolist()
    assert more[y, x] and not inner[y, x], "the edge of the chin stays"


def test_an_unknown_mask_is_refused():
    with pytest.raises(ValueError, match="inner, face, forehead, .*centre-50, centre-32"):
        masks.frame_mask("nose", DCGAN_FRAME.points(), 64)


@pytest.mark.parametrize("size", [(40, 57), (5, 90), (1, 1)])
@pytest.mark.parametrize("reach", [0, 1, 3, 24])
def test_dilating_is_the_maximum_over_a_square_bit_for_bit(size, reach):
    random = torch.Generator().manual_seed(0)
    values = torch.randn(2, 3, *size, generator=random)
    for mask in (values, (values > 1.5).float(), values - 100):
        square = F.max_pool2d(mask, 2 * reach + 1, 1, reach)
        assert torch.equal(masks.dilate(mask, reach), square)


@pytest.mark.parametrize("reach", [1, 2, 5, 24])
def test_dilation_is_the_largest_value_in_a_square_window(reach):
    """Also where the window is wider than the image."""
    values = torch.rand(2, 3, 40, 17, generator=torch.Generator().manual_seed(0))
    padded = F.pad(values, (reach,) * 4, value=float("-inf"))
    wanted = F.max_pool2d(padded, 2 * reach + 1, 1)
    assert torch.equal(masks.dilate(values, reach), wanted)


def test_bounds_hold_all_of_a_mask_and_stay_in_the_image():
    mask = torch.zeros(20, 30, dtype=torch.bool)
    assert mask[masks.bounds(mask, 3)].numel() == 0
    mask[1, 4] = mask[17, 28] = True
    assert masks.bounds(mask) == (slice(1, 18), slice(4, 29))
    assert masks.bounds(mask, 3) == (slice(0, 21), slice(1, 32)), "a slice may end beyond the image"
