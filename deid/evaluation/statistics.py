"""How sure a number is: 95 % bootstrap intervals over people and over photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Interval:
    """A value and the bounds of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def record(self) -> list[float]:
        """[value, low, high], rounded."""
        return [round(part, 4) for part in (self.value, self.low, self.high)]


def bootstrap(values: Tensor, samples: int = 2000, seed: int = 0) -> Interval:
    """The mean of ``values`` (N,) and its 95 % percentile interval over resampled people (Efron, 1979).

    Where all are 0, or all 1, resampling knows no doubt: there the bound is Clopper and Pearson's (1934).
    """
    random = torch.Generator().manual_seed(seed)
    drawn = values.double()[torch.randint(0, len(values), (samples, len(values)), generator=random)].mean(1)
    low, high = _bounds(drawn)
    mean, doubt = values.double().mean().item(), 1 - 0.025 ** (1 / len(values))
    if (values == 0).all() or (values == 1).all():
        low, high = max(0.0, mean - doubt), min(1.0, mean + doubt)
    return Interval(mean, low, high)


def correlation(before: Tensor, after: Tensor, samples: int = 1000, seed: int = 0) -> Interval:
    """Pearson's correlation of two measures (N,), and its 95 % percentile interval over resampled photos.

    A measure that is the same for all photos has no correlation with anything: 0.
    """
    random = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, len(before), (samples, len(before)), generator=random)
    drawn = _correlations(before.double()[rows], after.double()[rows]).nan_to_num(0.0)
    value = _correlations(before.double()[None], after.double()[None]).nan_to_num(0.0).item()
    return Interval(value, *_bounds(drawn))


def area_interval(parts: Sequence[tuple[Tensor, Tensor]], samples: int = 2000, seed: int = 0) -> Interval:
    """The mean area under the curve of ``parts``, and its 95 % percentile interval over resampled people.

    A part is the scores of its own people, (N,) where the answer is yes and (N,) where it is no, row by row
    the same people: both rows of a person are drawn together. Where all areas are 0, or all 1, the bound is
    ``bootstrap``'s.
    """
    random = torch.Generator().manual_seed(seed)
    people = sum(len(yes) for yes, _ in parts)
    value, drawn = 0.0, torch.zeros(samples, dtype=torch.float64)
    for yes, no in parts:
        wins = (yes[:, None] > no).double() + (yes[:, None] == no).double() / 2
        rows = torch.randint(0, len(yes), (samples, len(yes)), generator=random)
        times = torch.zeros(samples, len(yes), dtype=torch.float64).scatter_add_(
            1, rows, torch.ones_like(rows).double()
        )
        value += wins.mean().item() * len(yes) / people
        drawn += (times @ wins * times).sum(1) / (len(yes) * people)
    if value in (0.0, 1.0):
        return bootstrap(torch.full((people,), value))
    return Interval(value, *_bounds(drawn))


def _bounds(drawn: Tensor) -> tuple[float, float]:
    """The percentiles of resampled values (S,) that 95 % lie between."""
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def _correlations(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of each row of (S, N) with the same row of the other -> (S,)."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
