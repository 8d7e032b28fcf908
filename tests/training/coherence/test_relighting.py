"""Other light on the same face: pictures change a good deal, and stay pictures."""

import torch

from deid.training.coherence.relighting import relight


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_strength_changes_nothing_and_the_seed_says_what_is_changed(crops):
    faces = crops.batch(range(6))
    assert torch.equal(relight(faces, random(), 0.0), faces)
    assert torch.equal(relight(faces, random(3)), relight(faces, random(3)))
    assert not torch.equal(relight(faces, random(3)), relight(faces, random(4)))


def test_two_views_share_neither_brightness_nor_colour_nor_sharpness():
    face = torch.rand(1, 3, 64, 64, generator=random()) - 0.5
    views = relight(face.expand(200, -1, -1, -1), random(1))
    assert views.shape == (200, 3, 64, 64) and views.abs().max() <= 1
    assert views.mean((1, 2, 3)).std() > 0.1, "brightness"
    assert (views[:, 0] - views[:, 2]).mean((1, 2)).std() > 0.05, "colour"
    assert (views[:, 0] == views[:, 2]).flatten(1).all(1).sum() == 0  # noise is coloured, even without colour
    detail = (views - torch.nn.functional.avg_pool2d(views, 3, 1, 1)).abs().mean((1, 2, 3))
    assert detail.max() > 2 * detail.min(), "sharpness"
    halves = views[..., :32].mean((1, 2, 3)) - views[..., 32:].mean((1, 2, 3))
    assert halves.std() > 0.05, "light from one side"


def test_dark_skin_stays_darker_than_fair_skin_more_often_than_not():
    fair, dark = torch.full((300, 3, 16, 16), 0.3), torch.full((300, 3, 16, 16), -0.6)
    brighter = relight(fair, random(1)).mean((1, 2, 3)) > relight(dark, random(2)).mean((1, 2, 3))
    assert brighter.float().mean() > 0.9
