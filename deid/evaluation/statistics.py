"""How sure a number is: 95 % bootstrap intervals over people and over photos."""

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


def _bounds(drawn: Tensor) -> tuple[float, float]:
    """The percentiles of resampled values (S,) that 95 % lie between."""
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def _correlations(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of each row of (S, N) with the same row of the other -> (S,)."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
