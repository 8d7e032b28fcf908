"""A soft outline between a reference and its surroundings becomes a sharp one, and nothing else changes."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.blending import gaussian
from deid.references.outlining import outlined

SIZE = 128


@pytest.fixture
def regions():
    points = DCGAN_FRAME.resized(SIZE).points()
    return [masks.frame_mask(name, points, SIZE) for name in ("face-120", "face", "face-80")]


def pictures(regions, head, wall):
    """A head as large as the second outline before a wall: as it is, and drawn softly."""
    visible, outside, inside = regions
    real = torch.where(outside > 0.5, *(torch.tensor(tone)[None, :, None, None] for tone in (wall, head)))
    soft = torch.where(visible > 0.5, real, gaussian(real, 4.0))
    return real, torch.where(inside < 0.5, real, soft), 1 - inside


def test_a_soft_outline_becomes_sharp(regions):
    real, soft, weight = pictures(regions, [0.4, 0.1, 0.0], [-0.6, -0.5, 0.2])
    made = outlined(soft, real, regions[0], weight)
    rim = ((1 - regions[0]) * (1 - weight) > 0.5).expand_as(made)
    assert (made - real)[rim].abs().mean() < 0.7 * (soft - real)[rim].abs().mean()
    core = (masks.dilate(1 - weight, 3) < 0.5).expand_as(made)
    assert torch.equal(made[core], soft[core])


def test_nothing_is_made_up_where_head_and_wall_are_alike(regions):
    real, soft, weight = pictures(regions, [0.4, 0.1, 0.0], [0.35, 0.1, 0.05])
    assert torch.equal(outlined(soft, real, regions[0], weight), soft)


def test_what_is_no_mixture_of_both_stays(regions):
    """Hair of a third colour between a face and a wall."""
    real, soft, weight = pictures(regions, [0.4, 0.1, 0.0], [-0.6, -0.5, 0.2])
    rim = (1 - regions[0]) * (1 - weight) > 0.5
    hair = torch.where(rim, torch.tensor([-0.6, 0.9, -0.9])[None, :, None, None], soft)
    made = outlined(hair, real, regions[0], weight)
    middle = (1 - masks.dilate(1 - rim.float(), 3) > 0.5).expand_as(made)
    assert (made - hair)[middle].abs().max() < 0.05


def test_hidden_pixels_do_not_matter(regions):
    real, soft, weight = pictures(regions, [0.4, 0.1, 0.0], [-0.6, -0.5, 0.2])
    other = torch.where(regions[0] > 0.5, real, -real)
    made = [outlined(soft, frame, regions[0], weight) for frame in (real, other)]
    assert torch.equal(*made)
