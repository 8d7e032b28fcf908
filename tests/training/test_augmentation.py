"""Augmentation: faces are mirrored, shifted, blurred and partly hidden, their landmarks with them."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo.alignment import DCGAN_FRAME
from deid.training import augmentation


def test_translation_shifts_by_at_most_its_reach():
    dot = torch.zeros(400, 1, 17, 17)
    dot[:, :, 8, 8] = 1
    shifted = augmentation.translate(dot, 3, torch.Generator().manual_seed(0))
    assert shifted.shape == dot.shape and (shifted.sum((1, 2, 3)) == 1).all()
    places = shifted.nonzero()[:, 2:] - 8
    assert places.min() == -3 and places.max() == 3  # every distance occurs, none further
    assert len({tuple(place) for place in places.tolist()}) == 49
    assert places.float().mean().abs() < 0.3


def test_translation_preserves_the_picture_and_its_gradient():
    images = torch.rand(8, 3, 12, 12, requires_grad=True)
    shifted = augmentation.translate(images, 2, torch.Generator().manual_seed(1))
    inner = images[0, :, 2:-2, 2:-2]
    places = [(y, x) for y in range(5) for x in range(5)]
    assert any(torch.equal(shifted[0, :, y : y + 8, x : x + 8], inner) for y, x in places)
    shifted.sum().backward()
    assert (images.grad[:, :, 2:-2, 2:-2] == 1).all() and set(images.grad.unique().tolist()) <= {0.0, 1.0}
    assert augmentation.translate(images, 0, torch.Generator()) is images


def test_mirroring_flips_the_chosen_images_only():
    images, chosen = torch.rand(4, 3, 8, 8), torch.tensor([True, False, True, False])
    before = images.clone()
    mirrored = augmentation.mirror(images, chosen)
    assert torch.equal(mirrored[chosen], images[chosen].flip(3))
    assert torch.equal(mirrored[~chosen], images[~chosen])
    assert torch.equal(images, before), "the images themselves stay as they were"


def test_mirrored_landmarks_exchange_left_and_right():
    landmarks, chosen = DCGAN_FRAME.points().repeat(2, 1, 1), torch.tensor([True, False])
    landmarks += torch.tensor([2.0, 1.0])
    mirrored = augmentation.mirror_landmarks(landmarks, chosen, 64)
    for place, other in enumerate([1, 0, 2, 4, 3]):
        x, y = landmarks[0, other].tolist()
        assert mirrored[0, place].tolist() == pytest.approx([63 - x, y])
    assert torch.equal(mirrored[1], landmarks[1])
    torch.testing.assert_close(augmentation.mirror_landmarks(mirrored, chosen, 64), landmarks)


def test_some_faces_look_like_small_ones(crops):
    batch = crops.batch(range(6)).repeat(3, 1, 1, 1)
    enlarged = augmentation.enlarge(batch, 0.5, torch.Generator().manual_seed(0))
    changed = (enlarged != batch).flatten(1).any(1)
    assert 4 <= changed.sum() <= 14, "a share of them"

    def contrast(images: torch.Tensor) -> torch.Tensor:
        return (images[..., 1:] - images[..., :-1]).abs().mean((1, 2, 3))

    assert (contrast(enlarged)[changed] < contrast(batch)[changed]).all(), "finer detail is gone"
    apart = F.adaptive_avg_pool2d(enlarged - batch, 8).abs().amax((1, 2, 3))
    assert apart.max() < 0.25 and enlarged.abs().max() <= 1, "what is coarse stays, and in range"
    assert torch.equal(augmentation.enlarge(batch, 0.0, torch.Generator()), batch)


def test_holes_are_of_every_kind_and_cover_the_middle_of_the_face():
    random = torch.Generator().manual_seed(0)
    holes = torch.cat([augmentation.random_hole(DCGAN_FRAME.points(), 64, random) for _ in range(60)])
    share = 1 - holes.mean((1, 2, 3))
    assert share.min() > 0.15 and share.max() < 0.95 and share.std() > 0.08
    assert (holes[:, 0, 32, 32] == 0).all()


def test_holes_are_drawn_as_often_as_is_asked():
    """Each of two kinds half of the time; squares have straight sides, and reach where outlines do not."""
    random = torch.Generator().manual_seed(0)
    chosen = {"centre-32": 0.5, "centre-50": 0.5}
    points = DCGAN_FRAME.points()
    holes = [1 - augmentation.random_hole(points, 64, random, chosen)[0, 0] for _ in range(200)]
    large = sum(bool(hole[9, 9] and hole[54, 54]) for hole in holes)
    assert 70 < large < 130
