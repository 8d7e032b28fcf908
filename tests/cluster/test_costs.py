"""The model is linear in what was measured."""

import pytest

from deid.cluster import costs
from deid.cluster.costs import Cost
from deid.generators import dcgan

MEASURED = [
    Cost(costs.PER_NAME, 10, 1e-4, 100),
    Cost(costs.PER_CROP, 10, 9.0),
    Cost(costs.PER_CROP, 20, 0.036, 8000),
    Cost(costs.PER_LINE, 20, 1e-5, 500),
    Cost(costs.PER_PHOTO, 1, 3.6),
    Cost(costs.PER_CALL, 10, 0.512),
]


def test_many_photos_cost_what_one_costs_many_times():
    few, many = (costs.extrapolate(MEASURED, count) for count in (1_000_000, 1_000_000_000))
    assert few["core-hours to make crops"] == pytest.approx(10), "by the point with the most photos"
    assert few["core-hours to anonymize, as by default"] == pytest.approx(1000)
    assert few["GB of shards"] == pytest.approx(8) and few["shards"] == 1954
    assert few["hours of calls, one for each shard"] == pytest.approx(1 / 3.6)
    assert all(many[what] == pytest.approx(1000 * few[what], rel=1e-3) for what in few)
    assert "hours of calls, one for each shard" not in costs.extrapolate(MEASURED[:-1], 10)


def test_what_is_exchanged_are_the_gradients_of_both_networks():
    networks = dcgan.Generator(), dcgan.Discriminator(norm="spectral")
    assert costs.exchanged() == 4 * sum(p.numel() for n in networks for p in n.parameters())
