"""How long and how hard a search looks."""

import pytest

from deid.inpainting.settings import Search, schedule_cost


def test_survivors_shrink_and_cost_less_than_keeping_all():
    settings = Search(starts=64, iterations=100)
    counts = [settings.survivors(i) for i in range(100)]
    assert counts[0] == 64
    assert counts[-1] == 4
    assert counts == sorted(counts, reverse=True)
    assert schedule_cost(settings) < schedule_cost(Search(64, 100, drop=False)) / 2


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Search(starts=0)
    with pytest.raises(ValueError, match="at least 0"):
        Search(patience=-1)
    with pytest.raises(ValueError, match="a share from 0 to 1, not 1.5"):
        Search(rampdown=1.5)


def test_the_learning_rate_falls_to_zero_over_the_rampdown():
    level, falling = Search(iterations=10, rampdown=0.0), Search(iterations=10, rampdown=0.4)
    assert {level.rate(k) for k in range(10)} == {0.05}
    assert falling.rate(6) == 0.05 and falling.rate(8) == pytest.approx(0.025) and falling.rate(10) == 0
