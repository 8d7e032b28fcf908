"""Outlines: a cheek has no bite where hair lies on it, and skin goes on there."""

import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import outlines

SIDE = outlines.SIDE
POINTS = DCGAN_FRAME.resized(SIDE).points()


def face(mask="face"):
    return 1 - masks.frame_mask(mask, POINTS, SIDE)


def bitten():
    """A face with a bite out of its cheek, down to halfway between jaw and nose."""
    own = face()
    row = round(float(POINTS[3, 1]))
    own[..., row - 12 : row + 4, : round(float(POINTS[3, 0])) - 4] = 0
    return own


def test_a_bite_is_filled_and_nothing_is_added_outside():
    own, made = bitten(), outlines.whole(bitten(), outlines.within(POINTS))
    assert own.sum() < face().sum() - 100 and not (own * (1 - made)).any()
    assert made.sum() > 0.98 * face().sum() and (made * (1 - face())).sum() < 0.02 * face().sum()


def test_no_more_is_shown_than_a_face():
    made = outlines.whole(torch.ones(1, 1, SIDE, SIDE), outlines.within(POINTS))
    assert torch.equal(made, face(outlines.OUTLINE))
    assert not outlines.whole(torch.zeros(1, 1, SIDE, SIDE), outlines.within(POINTS)).any()


def test_what_is_thin_is_no_skin():
    strand = torch.zeros(1, 1, SIDE, SIDE)
    middle = round(float(POINTS[2, 0]))
    strand[..., middle : middle + 4] = 1
    assert not outlines.skin(strand, outlines.within(POINTS)).any()
    assert outlines.skin(face(), outlines.within(POINTS)).sum() > 0.9 * face().sum()


def test_skin_goes_on_where_hair_lies_on_it():
    """Skin in the bite has the skin's colour at any size, the rest stays as it was to the last bit."""
    for size in (SIDE, 2 * SIDE):
        own = bitten()
        large = torch.nn.functional.interpolate(own, (size, size))
        picture = torch.where(large > 0.5, 0.4, -0.9).expand(1, 3, -1, -1)
        made = outlines.mended(picture, own)
        bite = torch.nn.functional.interpolate(face() * (1 - own), (size, size))[0, 0] > 0.5
        assert (made[..., bite] - 0.4).abs().max() < 0.05
        inside = torch.nn.functional.interpolate(face("face-80") * own, (size, size))[0, 0] > 0.5
        assert (made - picture)[..., inside].abs().median() == 0


def test_the_far_cheek_of_a_turned_head_is_nearer():
    everything = torch.ones(1, 1, SIDE, SIDE)
    row, middle = round(float(POINTS[2, 1])), round(float(POINTS[2, 0]))
    moved = (POINTS + torch.tensor([[0.0, 0], [0, 0], [by, 0], [0, 0], [0, 0]]) for by in (0.0, 8.0, -8.0))
    frontal, right, left = (
        outlines.whole(everything, outlines.within(points))[0, 0, row] for points in moved
    )
    assert right[middle:].sum() < 0.8 * frontal[middle:].sum()
    assert right[:middle].sum() >= frontal[:middle].sum() - 1
    assert abs(left[:middle].sum() - right[middle:].sum()) <= 2, "both sides alike"
