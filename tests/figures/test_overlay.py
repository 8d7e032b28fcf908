"""Numbered boxes over a photo."""

import torch

from deid.figures.overlay import Mark, overlay


def test_a_box_and_its_text_are_drawn_also_at_the_border_and_the_photo_stays():
    photo = torch.zeros(1, 3, 200, 300)
    marks = [Mark((100, 100, 180, 190), "1 mtcnn 0.99"), Mark((280, -5, 320, 30), "2 by hand", 1)]
    drawn = overlay(photo, marks)
    assert drawn.shape == photo.shape and not photo.any()
    changed = (drawn - photo).abs().amax(1)[0] > 0.1
    assert changed[150, 100] and changed[190, 140], "the frame of the first box"
    assert not changed[130:180, 110:170].any(), "what is in it can be seen"
    assert changed[84:98, 100:150].any() and changed[:20, 230:300].any(), "both texts are in the picture"
