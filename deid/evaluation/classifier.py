"""A small classifier of two sets of features, learned from some people and asked about others."""

from collections.abc import Callable

import torch
from torch import Tensor

from deid.evaluation.identification import area_under_curve

PENALTIES = (0.003, 0.03, 0.3, 3.0)  # how strongly weights are held at zero; tried in this order
FOLDS = 3  # parts of the people learned from, to choose a penalty by
STEPS = 25  # of Newton's method
FARTHEST = 5.0  # standard deviations from the mean that a feature may lie

Score = Callable[[Tensor], Tensor]  # features (N, F) -> (N,): the larger, the more like the second set


def learn(first: Tensor, second: Tensor) -> Score:
    """A linear score that tells the ``second`` set from the ``first``, (N, F) each, row by row one person.

    Logistic regression with a ridge penalty: the penalty is the one that tells best on people who were held
    back, the smaller one of equals.
    """
    parts = torch.arange(len(first)).tensor_split(FOLDS)

    def worth(penalty: float) -> float:
        found = []
        for held in parts:
            others = torch.cat([part for part in parts if part is not held])
            score = _fitted(first[others], second[others], penalty)
            found.append(area_under_curve(score(second[held]), score(first[held])))
        return round(sum(found) / FOLDS, 3)

    return _fitted(first, second, max(PENALTIES, key=worth))


def _fitted(first: Tensor, second: Tensor, penalty: float) -> Score:
    """Ridge logistic regression on standardised features.

    Newton's method in the space of the N examples, of which there are fewer than features (le Cessie and van
    Houwelingen, 1992; Zhu and Hastie, 2005, section 3).
    """
    examples = torch.cat([first, second]).double()
    labels = torch.cat([-torch.ones(len(first)), torch.ones(len(second))]).double()
    mean, deviation = examples.mean(0), examples.std(0) + 1e-6

    def standardised(features: Tensor) -> Tensor:
        scaled = ((features.double() - mean) / deviation).clamp(-FARTHEST, FARTHEST)
        return torch.cat([scaled, torch.ones(len(scaled), 1)], 1) / (scaled.shape[1] + 1) ** 0.5

    design = standardised(examples)
    gram, alpha = design @ design.T, torch.zeros(len(design), dtype=torch.float64)
    for _ in range(STEPS):
        logits = gram @ alpha
        wrong = torch.sigmoid(-labels * logits)
        weight = (wrong * (1 - wrong)).clamp(min=1e-6)
        alpha = torch.linalg.solve(gram + torch.diag(penalty / weight), logits + labels * wrong / weight)
    weights = design.T @ alpha
    return lambda features: standardised(features) @ weights
