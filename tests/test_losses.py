"""Every loss by hand: its value, its sign, and what it does not look at."""

import math

import pytest
import torch
import torch.nn.functional as F

from deid import losses
from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME


@pytest.fixture(scope="module")
def visible():
    return masks.frame_mask("centre-32", DCGAN_FRAME.points(), 64).expand(2, -1, -1, -1)


def test_adversarial_losses_by_hand():
    real, fake = torch.tensor([0.0, math.log(3)]), torch.tensor([0.0, -math.log(3)])
    # sigmoid(log 3) = 3/4: each side is the mean of -log 1/2 and -log 3/4.
    side = (math.log(2) + math.log(4 / 3)) / 2
    assert losses.discriminator_loss(real, fake).item() == pytest.approx(2 * side)
    assert losses.generator_loss(real).item() == pytest.approx(side)
    assert losses.generator_loss(fake).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_adversarial_losses_are_binary_cross_entropy_on_logits():
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(0)) * 5
    ones, zeros = torch.ones(64), torch.zeros(64)
    of_real, of_fake = (F.binary_cross_entropy_with_logits(*pair) for pair in ((real, ones), (fake, zeros)))
    torch.testing.assert_close(losses.discriminator_loss(real, fake), of_real + of_fake)
    torch.testing.assert_close(losses.generator_loss(fake), F.binary_cross_entropy_with_logits(fake, ones))
    assert losses.generator_loss(torch.tensor([-500.0])).item() == 500  # no overflow, no vanishing gradient


def test_relativistic_loss_by_hand():
    better, worse = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 3.0])
    expected = (torch.log(1 + torch.exp(torch.tensor(-1.0))) + torch.log(torch.tensor(2.0))) / 2
    torch.testing.assert_close(losses.relativistic_loss(better, worse), expected)


def test_gradient_penalty_is_half_the_squared_gradient_at_the_real_images():
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    weight = torch.full((), 0.5, requires_grad=True)
    penalty = losses.gradient_penalty(lambda batch: (weight * batch.square()).sum((1, 2, 3)), images)
    torch.testing.assert_close(
        penalty, images.square().sum((1, 2, 3)).mean() / 2
    )  # the gradient is 2 w x = x
    penalty.backward()
    assert weight.grad is not None and weight.grad > 0, "the discriminator can learn from it"
    assert not images.requires_grad


def test_context_weights_follow_equation_3():
    visible = torch.ones(1, 1, 64, 64)
    visible[..., 20:44, 20:44] = 0
    weights = losses.context_weights(visible)
    assert weights[..., 20:44, 20:44].sum() == 0, "hidden pixels weigh nothing"
    assert weights[0, 0, 32, 19] == pytest.approx(3 * 7 / 49 + 0.1), "at the edge: 3 of 7 columns are hidden"
    assert weights[0, 0, 32, 5] == pytest.approx(0.1), "far away: the floor"


def test_contextual_loss_is_the_weighted_mean_difference(visible):
    weights = losses.context_weights(visible)
    image = torch.zeros(2, 3, 64, 64)
    assert losses.contextual_loss(image + 0.25, image, weights).tolist() == pytest.approx([0.25, 0.25])
    beneath = torch.where(visible > 0.5, image, torch.ones(1))
    assert losses.contextual_loss(beneath, image, weights).tolist() == [0, 0], "hidden pixels do not count"


def test_perceptual_loss_has_the_right_sign():
    logits = torch.tensor([-3.0, 0.0, 3.0])
    loss = losses.perceptual_loss(logits)
    assert loss.tolist() == pytest.approx((-torch.sigmoid(logits).log()).tolist(), abs=1e-6)
    assert loss[0] > loss[1] > loss[2], "an image that the discriminator believes costs less"


def test_prior_is_least_on_the_shell():
    z = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
    on_shell = z / z.norm() * 10
    assert losses.prior_loss(on_shell) == pytest.approx(0, abs=1e-6)
    assert losses.prior_loss(2 * on_shell) == pytest.approx(9, rel=1e-3)


def test_layers_pay_for_leaving_each_other():
    z = torch.randn(1, 2, 400, generator=torch.Generator().manual_seed(0))
    apart = z / z.norm(dim=-1, keepdim=True) * 20  # both on the shell
    together = apart[:, :1].expand(-1, 2, -1)
    assert losses.prior_loss(together).item() == pytest.approx(0, abs=1e-6)
    spread = (apart[:, 0] - apart[:, 1]).square().mean().item() / 4  # of each layer from the mean of two
    assert losses.prior_loss(apart).item() == pytest.approx(10 * spread, rel=1e-4)


def test_tone_difference_sees_light_and_not_texture():
    image = torch.zeros(2, 3, 64, 64)
    texture = torch.tensor([[0.3, -0.3], [-0.3, 0.3]]).repeat(32, 32)
    assert losses.tone_difference(image + 0.2, image).item() == pytest.approx(0.2)
    assert losses.tone_difference(image + texture, image).item() == pytest.approx(0, abs=1e-6)


def test_facial_detail_sees_features_and_neither_light_nor_pores():
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    detail = losses.facial_detail(image)
    assert detail.shape == (2, 3, 32, 32)
    torch.testing.assert_close(losses.facial_detail(image + 0.3), detail)
    pores = torch.tensor([[0.3, -0.3], [-0.3, 0.3]]).repeat(32, 32)
    torch.testing.assert_close(losses.facial_detail(image + pores), detail)
    bars = torch.tensor([0.5, -0.5]).repeat_interleave(4).repeat(8)  # 8 px a period: 1/8 of the side
    assert (losses.facial_detail(image + bars) - detail).abs().mean() > 0.1


def test_contrastive_loss_by_hand():
    """Two pairs: cross-entropy of the own key against the other, in both directions."""
    queries, keys = torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([[1.0, 0], [0.6, 0.8]])
    rows = F.softplus(torch.tensor([2 * (0.6 - 1), 2 * (0 - 0.8)])).mean()
    columns = F.softplus(torch.tensor([2 * (0 - 1), 2 * (0.6 - 0.8)])).mean()
    assert losses.contrastive_loss(queries, keys, 2.0).item() == pytest.approx(((rows + columns) / 2).item())
    assert losses.contrastive_loss(queries, queries, 30.0) < 1e-6
