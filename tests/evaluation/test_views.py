"""What a detector is shown: the pixels of the file that is written, and nothing else."""

import pytest
import torch
import torch.nn.functional as F

from deid.evaluation import observations, views
from deid.photo import images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import from_landmarks


@pytest.fixture(scope="module")
def portrait(portraits, tmp_path_factory):
    return portraits(tmp_path_factory.mktemp("portraits"), 1)[0]


def test_a_view_has_the_photos_own_pixels(portrait):
    photo = images.load(portrait)
    face = observations.locate_faces(photo)[0]
    seen = views.view(photo, face)
    x, y = (face.points().mean(0) - 30).round().long().tolist()
    patch = photo.pixels[:, :, y : y + 40, x : x + 40]
    there = seen.crop.unfold(2, 40, 1).unfold(3, 40, 1).permute(0, 2, 3, 1, 4, 5)
    assert (there - patch[:, None, None]).abs().amax((3, 4, 5)).min() < 1e-4
    middle = seen.hole[0, 0].nonzero().double().mean(0)
    assert seen.hole.mean() > 0.1 and (middle - views.SIDE / 2).abs().max() < 12


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_larger_face_is_seen_as_means_of_blocks(step):
    """The corner by hand: a frame of 160 px, in a view of 192 px, begins 16 px further in."""
    photo = images.Photo(torch.rand(1, 3, 700, 700, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    points = DCGAN_FRAME.resized(160 * step).points() + 100
    seen = views.view(photo, from_landmarks(points))
    corner, side = 100 - 16 * step, 192 * step
    blocks = F.avg_pool2d(photo.pixels[:, :, corner : corner + side, corner : corner + side], step)
    torch.testing.assert_close(seen.crop, blocks, atol=1e-3, rtol=0)


def test_both_kinds_were_written_once(portrait):
    """Far from the hole both are alike, and neither is what it was before it was encoded."""
    before, after = (views.view_after(portrait, case) for case in ("original", "blackout"))
    inside = before.hole > 0.5
    assert torch.equal(before.hole, after.hole)
    assert (after.crop.mean(1, keepdim=True)[inside] < -0.8).float().mean() > 0.95
    photo = images.load(portrait)
    unwritten = views.view(photo, observations.locate_faces(photo)[0])
    far = F.max_pool2d(before.hole, 33, 1, 16) < 0.5
    assert (before.crop - after.crop).abs().mean(1, keepdim=True)[far].max() < 0.01
    assert not torch.equal(unwritten.crop, before.crop)


def test_the_control_changes_a_face_hardly_and_only_there(portrait):
    photo = images.load(portrait)
    face = observations.locate_faces(photo)[0]
    back = views.put_back(photo, face)
    change = (back.pixels - photo.pixels).abs().mean(1, keepdim=True)
    hole = views.view(photo, face).hole
    seen = views.view(images.Photo(change.expand(-1, 3, -1, -1)), face).crop[:, :1]
    assert 0 < seen[hole > 0.5].mean() < 0.03
    assert seen[F.max_pool2d(hole, 11, 1, 5) < 0.5].max() < 1e-6


def test_a_shared_view_is_smaller_and_encoded_anew(portrait):
    seen = views.view_after(portrait, views.CONTROL)
    shared = views.share(seen)
    assert shared.crop.shape[2:] == shared.hole.shape[2:] == (views.SHARED_SIDE, views.SHARED_SIDE)
    assert shared.hole.mean() == pytest.approx(seen.hole.mean().item(), abs=0.01)
    assert not torch.equal(shared.crop, views.share(views.View(shared.crop, shared.hole)).crop)


def test_a_face_at_the_border_is_seen_whole():
    photo = images.Photo(torch.rand(1, 3, 120, 100, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    points = torch.tensor([[10.0, 20], [40, 20], [25, 40], [14, 55], [38, 55]])
    seen = views.view(photo, from_landmarks(points))
    assert seen.crop.shape == (1, 3, views.SIDE, views.SIDE) and seen.crop.isfinite().all()
