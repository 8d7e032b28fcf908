"""Intervals and correlations on values whose answer is known."""

import pytest
import torch

from deid.evaluation.statistics import bootstrap, correlation


def test_bootstrap_interval_holds_the_mean_and_narrows():
    few = bootstrap(torch.tensor([1.0, 0, 0, 0, 1] * 4))
    many = bootstrap(torch.tensor([1.0, 0, 0, 0, 1] * 400))
    assert few.low < 0.4 < few.high and many.low < 0.4 < many.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert few == bootstrap(torch.tensor([1.0, 0, 0, 0, 1] * 4)), "the same numbers every time"


def test_an_interval_of_no_cases_is_not_certainty():
    none, all_of_them = bootstrap(torch.zeros(300)), bootstrap(torch.ones(300))
    assert none.low == none.value == 0 and none.high == pytest.approx(0.0122, abs=1e-3)
    assert all_of_them.high == 1 and all_of_them.low == pytest.approx(1 - none.high)


def test_correlation_by_hand():
    known = torch.linspace(-1, 1, 50)
    assert correlation(known, 3 * known + 1).value == pytest.approx(1)
    assert correlation(known, -known).high == pytest.approx(-1)
    nothing = correlation(known, torch.rand(50, generator=torch.Generator().manual_seed(0)))
    assert nothing.low < 0 < nothing.high
    assert correlation(known, torch.zeros(50)).value == 0, "what is the same for all photos tells nothing"


def test_a_record_is_rounded():
    assert correlation(torch.linspace(-1, 1, 50), torch.linspace(2, 4, 50)).record() == [1.0, 1.0, 1.0]
