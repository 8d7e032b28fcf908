"""Of several boxes in one place the best one stays."""

import numpy as np
import torch

from deid.photo import overlaps

BOXES = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [31, 2, 36, 7]]).float()


def test_what_boxes_share_is_a_part_of_the_union_or_of_the_smaller_one():
    boxes = BOXES.numpy()
    shared = overlaps.shared(boxes, boxes)
    assert np.allclose(np.diag(shared), 1) and np.allclose(shared, shared.T)
    assert np.isclose(shared[0, 1], 90 / 110) and shared[0, 2] == 0
    assert np.isclose(shared[2, 3], 0.25) and overlaps.shared(boxes, boxes, of_smaller=True)[2, 3] == 1
    assert overlaps.shared(boxes[:0], boxes).shape == (0, 4)


def test_the_best_of_one_place_stays_the_best_first():
    scores = torch.tensor([0.5, 0.9, 0.7, 0.6])
    assert overlaps.distinct(BOXES, scores, 0.3).tolist() == [1, 2, 3]
    assert overlaps.distinct(BOXES, scores, 0.3, of_smaller=True).tolist() == [1, 2]


def test_boxes_of_two_images_do_not_meet():
    image = torch.tensor([0, 1, 0, 0])
    assert overlaps.distinct(BOXES, torch.tensor([0.5, 0.9, 0.7, 0.6]), 0.3, image).tolist() == [1, 2, 3, 0]


def test_many_boxes_are_compared_a_part_at_a_time(monkeypatch):
    draw = torch.Generator().manual_seed(1)
    corners, scores = torch.rand(300, 2, generator=draw) * 60, torch.rand(300, generator=draw)
    boxes = torch.cat([corners, corners + 12], 1)
    whole = overlaps.distinct(boxes, scores, 0.3)
    monkeypatch.setattr(overlaps, "TOGETHER", 16)
    assert torch.equal(overlaps.distinct(boxes, scores, 0.3), whole) and 10 < len(whole) < 200
    assert len(overlaps.distinct(boxes[:0], scores[:0], 0.3)) == 0
