"""The latent search: shapes of the masks, the losses' values, and a search that finds and never peeks."""

import math

import pytest
import torch

from deid import faces, inpainting
from deid.faces import DCGAN_FRAME
from deid.generators import load_discriminator, load_generator
from deid.inpainting import Search


@pytest.fixture(scope="module")
def networks():
    return load_generator(), load_discriminator()


@pytest.fixture(scope="module")
def sampled(networks):
    """Two faces of the generator itself: a search can reach them."""
    z = networks[0].sample_z(2, torch.Generator().manual_seed(11))
    with torch.no_grad():
        return networks[0](z)


@pytest.fixture(scope="module")
def visible():
    return inpainting.frame_mask("centre-32", DCGAN_FRAME.points(), 64).expand(2, -1, -1, -1)


@pytest.mark.parametrize(("mask", "side"), [("centre-32", 32), ("centre-50", 50)])
def test_square_masks_hide_the_studys_squares(mask, side):
    hidden = 1 - inpainting.frame_mask(mask, DCGAN_FRAME.points(), 64)
    margin = (64 - side) // 2
    assert hidden.sum() == side * side
    assert hidden[0, 0, margin : 64 - margin, margin : 64 - margin].all()


def test_the_outline_covers_brows_to_chin_and_leaves_surroundings():
    hidden = 1 - inpainting.frame_mask("face", DCGAN_FRAME.points(), 64)[0, 0]
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
    straight = 1 - inpainting.frame_mask("face", DCGAN_FRAME.points(), 64)[0, 0]
    follows = 1 - inpainting.frame_mask("face", turned, 64)[0, 0]
    tip = turned[2].round().int()
    assert follows[tip[1], tip[0] + 5] == 1
    assert follows[:, 32:].sum() > straight[:, 32:].sum()


def test_a_mask_is_the_same_shape_in_frame_and_photo():
    """Hidden area in photo pixels is the frame's times the scale squared, whatever the rotation."""
    turn, scale = math.radians(25), 3.7
    linear = scale * torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = torch.cat([linear.double(), torch.tensor([[400.0], [150.0]], dtype=torch.float64)], 1)
    y, x = torch.meshgrid(torch.arange(700.0), torch.arange(700.0), indexing="ij")
    points = faces.apply(faces.invert(matrix), torch.stack([x, y], -1).reshape(-1, 2).double())
    in_photo = inpainting.hides("face", points, DCGAN_FRAME.points(), 64).sum().item()
    in_frame = (1 - inpainting.frame_mask("face", DCGAN_FRAME.points(), 64)).sum().item()
    assert in_photo == pytest.approx(in_frame * scale**2, rel=0.02)


def test_an_unknown_mask_is_refused():
    with pytest.raises(ValueError, match="face, centre-50, centre-32"):
        inpainting.frame_mask("nose", DCGAN_FRAME.points(), 64)


def test_context_weights_follow_equation_3():
    visible = torch.ones(1, 1, 64, 64)
    visible[..., 20:44, 20:44] = 0
    weights = inpainting.context_weights(visible)
    assert weights[..., 20:44, 20:44].sum() == 0, "hidden pixels weigh nothing"
    assert weights[0, 0, 32, 19] == pytest.approx(3 * 7 / 49 + 0.1), "beside the edge: 3 of 7 columns are hidden"
    assert weights[0, 0, 32, 5] == pytest.approx(0.1), "far away: the floor"


def test_contextual_loss_is_the_weighted_mean_difference(visible):
    weights = inpainting.context_weights(visible)
    image = torch.zeros(2, 3, 64, 64)
    assert inpainting.contextual_loss(image + 0.25, image, weights).tolist() == pytest.approx([0.25, 0.25])
    beneath = torch.where(visible > 0.5, image, torch.ones(1))
    assert inpainting.contextual_loss(beneath, image, weights).tolist() == [0, 0], "hidden pixels do not count"


def test_perceptual_loss_has_the_right_sign(networks):
    logits = torch.tensor([-3.0, 0.0, 3.0])
    loss = inpainting.perceptual_loss(logits)
    assert loss.tolist() == pytest.approx((-torch.sigmoid(logits).log()).tolist(), abs=1e-6)
    assert loss[0] > loss[1] > loss[2], "what the discriminator takes for real costs less"


def test_prior_is_least_on_the_shell():
    z = torch.randn(100, generator=torch.Generator().manual_seed(0))
    on_shell = z / z.norm() * 10
    assert inpainting.prior_loss(on_shell) == pytest.approx(0, abs=1e-6)
    assert inpainting.prior_loss(2 * on_shell) == pytest.approx(9, rel=1e-3)


def test_survivors_shrink_and_cost_less_than_keeping_all():
    settings = Search(starts=64, iterations=100)
    counts = [settings.survivors(i) for i in range(100)]
    assert counts[0] == 64
    assert counts[-1] == 4
    assert counts == sorted(counts, reverse=True)
    assert inpainting.schedule_cost(settings) < inpainting.schedule_cost(Search(64, 100, drop=False)) / 2


def test_search_improves_and_reports_every_iteration(networks, sampled, visible):
    steps = list(inpainting.search(*networks, sampled, visible, [1, 2], Search(8, 20, 2)))
    assert [step.iteration for step in steps] == list(range(21))
    assert steps[-1].images.shape == (2, 3, 64, 64)
    assert (steps[-1].losses["contextual"] < 0.8 * steps[0].losses["contextual"]).all()
    assert steps[0].candidates.shape[:2] == (2, 8)
    assert steps[-1].candidates.shape[:2] == (2, 1)


def test_search_never_sees_hidden_pixels(networks, sampled, visible):
    noise = torch.randn(sampled.shape, generator=torch.Generator().manual_seed(3))
    replaced = torch.where(visible > 0.5, sampled, noise)
    first, second = (list(inpainting.search(*networks, crops, visible, [1, 2], Search(2, 4, 2)))[-1]
                     for crops in (sampled, replaced))  # fmt: skip
    assert torch.equal(first.images, second.images)


def test_search_is_repeatable_and_seeds_differ(networks, sampled, visible):
    def run(seeds):
        return list(inpainting.search(*networks, sampled, visible, seeds, Search(2, 3, 2)))[-1].images

    assert torch.equal(run([1, 2]), run([1, 2]))
    assert not torch.equal(run([1, 2])[0], run([9, 2])[0])


def test_dropping_keeps_the_best_latents_and_their_momenta():
    z = torch.arange(8.0).view(1, 8, 1).repeat(1, 1, 3).requires_grad_(True)
    optimizer = torch.optim.Adam([z], lr=0.1)
    (z * torch.arange(8.0).view(1, 8, 1)).sum().backward()
    optimizer.step()
    loss = torch.tensor([[7.0, 1, 6, 0, 5, 4, 3, 2]])
    kept, following = inpainting._drop(z, optimizer, loss, 2)
    assert torch.equal(kept, z[:, [3, 1]])
    assert torch.equal(following.state[kept]["exp_avg"], optimizer.state[z]["exp_avg"][:, [3, 1]])


def test_shapes_that_do_not_fit_are_refused(networks, sampled, visible):
    with pytest.raises(ValueError, match="do not fit"):
        next(inpainting.search(*networks, sampled, visible, [1], Search(2, 2, 2)))
    with pytest.raises(ValueError, match="at least 1"):
        Search(starts=0)
