"""The network that tells glasses: what it is given, and that no strip's answer depends on another's."""

import torch

from deid.photo import glasses_network
from deid.photo.glasses_network import HEIGHT, WIDTH


def test_it_sees_nothing_of_what_is_hidden():
    random = torch.Generator().manual_seed(0)
    strips, others = (torch.rand(2, 3, HEIGHT, WIDTH, generator=random) * 2 - 1 for _ in range(2))
    hidden = (torch.arange(WIDTH) < 15).float().expand(2, 1, HEIGHT, WIDTH)
    others = torch.where(hidden > 0.5, others, strips)
    assert torch.equal(glasses_network.seen(strips, hidden), glasses_network.seen(others, hidden))


def test_strips_are_told_one_by_one():
    strips = torch.rand(6, 4, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    together = glasses_network.worn(strips)
    alone = torch.cat([glasses_network.worn(strip[None]) for strip in strips])
    assert together.shape == (6,) and torch.allclose(together, alone, atol=1e-4)
    assert not glasses_network.load().training
