"""The classifier on sets whose difference is known."""

import pytest
import torch

from deid.evaluation import classifier
from deid.evaluation.identification import area_under_curve


def drawn(seed: int, people: int = 60, features: int = 200) -> torch.Tensor:
    return torch.randn(people, features, generator=torch.Generator().manual_seed(seed))


def area(score: classifier.Score, first: torch.Tensor, second: torch.Tensor) -> float:
    return area_under_curve(score(second), score(first))


def test_a_difference_in_few_of_many_features_is_found_in_other_people():
    changed = torch.zeros(200)
    changed[:5] = 2.0
    score = classifier.learn(drawn(0), drawn(1) + changed)
    assert area(score, drawn(2), drawn(3) + changed) > 0.9
    assert area(score, drawn(2), drawn(3)) == pytest.approx(0.5, abs=0.15), "no difference, nothing to find"


def test_a_small_change_is_found_under_large_differences_between_people():
    """Both sets hold the same people: what they differ in says nothing, and drops out."""
    people, change = 5 * drawn(0), 0.3 * torch.randn(200, generator=torch.Generator().manual_seed(9))
    score = classifier.learn(people, people + change)
    others = 5 * drawn(1)
    assert area(score, others, others + change) > 0.6


def test_the_scale_of_a_feature_does_not_matter():
    changed, scale = torch.zeros(200), torch.logspace(-3, 3, 200)
    changed[:5] = 2.0
    pair, others = (drawn(0), drawn(1) + changed), (drawn(2), drawn(3) + changed)
    plain = area(classifier.learn(*pair), *others)
    scaled = area(classifier.learn(*(part * scale for part in pair)), *(part * scale for part in others))
    assert plain == pytest.approx(scaled, abs=0.01)


def test_a_feature_that_never_changes_does_no_harm():
    first, second = (drawn(seed).index_fill(1, torch.tensor([0]), 7.0) for seed in (0, 1))
    assert classifier.learn(first, second)(drawn(2)).isfinite().all()
