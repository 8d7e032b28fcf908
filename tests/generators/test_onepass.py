"""The one-pass network: what it is shown, its wavelets, and growing without a change."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from deid.generators import onepass
from deid.generators.stylegan2 import Config

TINY = Config((16, 16, 16, 8), z_dim=12, mapping=(20, 20), group_channels=0)


def test_conditions_hold_the_visible_pixels_and_the_places_of_the_landmarks():
    crop, visible = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)
    visible[..., 10:20, 30:40] = 0
    landmarks = torch.tensor([[[20.0, 30], [40, 30], [32, 38], [24, 46], [42, 47]]])
    maps = onepass.conditions(crop, visible, landmarks)
    assert maps.shape == (1, onepass.CONDITIONS, 64, 64)
    assert maps[0, :3, 12, 32].abs().sum() == 0 and (maps[0, :3, 5, 5] == 0.5).all()
    assert torch.equal(maps[:, 3:4], visible)
    for blob, (x, y) in zip(maps[0, 4:], landmarks[0].int().tolist(), strict=True):
        assert blob.argmax().item() == 64 * y + x and blob.max() == 1


def test_haar_wavelets_are_means_and_details_and_come_back():
    images = torch.rand(2, 3, 8, 8) * 2 - 1
    waves = onepass.haar(images)
    assert waves.shape == (2, 12, 4, 4)
    torch.testing.assert_close(waves[:, :3], F.avg_pool2d(images, 2))
    torch.testing.assert_close(onepass.unhaar(waves), images)
    coarse, fine = onepass.pyramid(images, 2)
    torch.testing.assert_close(fine, waves)
    torch.testing.assert_close(coarse[:, :3], F.avg_pool2d(images, 4))


def test_a_grown_network_draws_and_judges_as_before_until_it_is_trained():
    torch.manual_seed(0)
    generator = onepass.Generator(TINY).eval()
    D, config = onepass.Discriminator(TINY), replace(TINY, channels=(*TINY.channels, 8))
    larger, judge = onepass.grow(generator, config), onepass.grow(D, config)
    images, given = torch.rand(2, 3, 128, 128) * 2 - 1, torch.rand(2, onepass.CONDITIONS, 128, 128)
    z, halved = torch.randn(2, TINY.z_dim), F.avg_pool2d(given, 2)
    with torch.no_grad():
        torch.testing.assert_close(larger(z, given), onepass._doubled(generator(z, halved)))
        torch.testing.assert_close(judge(images, given)[0], D(F.avg_pool2d(images, 2), halved)[0])
    judge(larger(z, given), given)[0].sum().backward()
    assert larger.blocks[-1].torgb.weight.grad.abs().sum() > 0, "what is zero now can learn"
    with pytest.raises(ValueError, match="do not begin with"):
        onepass.grow(generator, replace(TINY, channels=(16, 8, 16, 8, 8)))


@torch.no_grad()
def test_calibrating_estimates_the_mean_person():
    torch.manual_seed(0)
    G = onepass.Generator(TINY)
    G.calibrate(4, 500, torch.Generator().manual_seed(0))
    expected = G.mapping(torch.randn(20_000, TINY.z_dim))[:, 0]
    assert (G.mapping.w_avg - expected.mean(0)).norm() < 0.1 * expected.norm(dim=1).mean()
    given, z = torch.rand(2, onepass.CONDITIONS, 64, 64), torch.randn(2, TINY.z_dim)
    mean = G(z, given[:1].expand(2, -1, -1, -1), 0.0)
    torch.testing.assert_close(mean[0], mean[1], rtol=0, atol=1e-5)
