"""Intervals and correlations on values whose answer is known."""

import pytest
import torch

from deid.evaluation.statistics import area_interval, bootstrap, correlation


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


def test_area_interval_by_hand():
    """Parts have scales of their own: only areas within a part count."""
    parts = [(torch.tensor([3.0, 1]), torch.tensor([2.0, 0])), (torch.tensor([100.0]), torch.tensor([100.0]))]
    assert area_interval(parts).value == pytest.approx((0.75 * 2 + 0.5) / 3)
    certain = area_interval([(torch.arange(300.0) + 300, torch.arange(300.0))])
    assert certain.value == 1 and certain.low == pytest.approx(0.9878, abs=1e-3)


def test_area_interval_holds_the_truth_about_as_often_as_it_says():
    """Normal scores one deviation apart: the area is 0.760 (Hanley and McNeil, 1982)."""
    random, held = torch.Generator().manual_seed(0), 0
    for _ in range(100):
        person = torch.randn(60, generator=random)  # both scores of a person share something
        no, yes = (0.6 * person + 0.8 * torch.randn(60, generator=random) for _ in range(2))
        found = area_interval([(yes[:30] + 1, no[:30]), (yes[30:] + 1, no[30:])], samples=400)
        held += found.low < 0.760 < found.high
    assert 85 <= held <= 100


def test_both_scores_of_a_person_are_drawn_together():
    """What people differ in falls out: the same scores, given to other people, say less."""
    no = torch.randn(80, generator=torch.Generator().manual_seed(0))
    together, apart = (area_interval([(yes + 0.3, no)]) for yes in (no, no.roll(1)))
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low < (apart.high - apart.low) / 3


def test_a_record_is_rounded():
    assert correlation(torch.linspace(-1, 1, 50), torch.linspace(2, 4, 50)).record() == [1.0, 1.0, 1.0]
