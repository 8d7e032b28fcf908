"""How much of a face's own geometry landmarks hold."""

import pytest
import torch

from deid.photo import alignment, shapes
from deid.photo.alignment import DCGAN_FRAME

FLAT = DCGAN_FRAME.points()
UNIT = (FLAT[1] - FLAT[0]).norm()


def head(turned: float) -> torch.Tensor:
    """A mean head (5, 2) turned by ``turned`` radians."""
    points = torch.cat([FLAT, -UNIT * FLAT.new_tensor(shapes.DEPTHS)[:, None]], 1)
    turn = torch.tensor(turned, dtype=points.dtype)
    return torch.stack([points[:, 0] * turn.cos() + points[:, 2] * turn.sin(), points[:, 1]], 1)


def test_a_mean_heads_pose_is_exactly_its_own():
    for turned in (-0.5, 0.0, 0.3):
        assert torch.allclose(shapes.reduced(head(turned), "pose"), head(turned), atol=1e-6)


def test_a_pose_holds_where_a_head_looks_and_not_whose_it_is():
    own, mean = head(0.4), head(0.4)
    own[:2, 0] += UNIT * own.new_tensor([-0.12, 0.12])  # eyes far apart
    pose = shapes.reduced(own, "pose")
    assert torch.allclose(shapes.reduced(pose, "pose"), pose, atol=1e-6), "what is left is a mean head"
    assert (pose - mean).norm() < 0.6 * (own - mean).norm()
    assert (pose - mean).norm() < 0.6 * (shapes.reduced(own, "mean") - mean).norm(), "which still is turned"


@pytest.mark.parametrize("shape", ["pose", "mean"])
def test_place_size_and_tilt_stay(shape):
    points = head(0.2) + FLAT.new_tensor([[0, 0], [0, 0], [0, 3], [0, 0], [0, 0]])
    moved = torch.tensor([[2.0, -1.0, 30.0], [1.0, 2.0, 9.0]], dtype=points.dtype)
    there = shapes.reduced(alignment.apply(moved, points), shape)
    assert torch.allclose(there, alignment.apply(moved, shapes.reduced(points, shape)), atol=1e-6)


def test_a_placing_without_changes_is_the_face_itself():
    points = head(0.2)
    assert torch.equal(shapes.Placing().of(points, seed=1), points)
    first, same, other = (shapes.Placing(0.1, "pose").of(points, seed) for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)
