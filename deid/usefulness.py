"""What is left to use of faces after a method: found, in place, with their pose and expression, and like a face.

Everything is computed from the ``Seen`` of ``deid.evaluation``, before and after, row by row the same photo.
"""

import torch
from torch import Tensor

from deid import privacy, quality
from deid.evaluation import Seen
from deid.expression import MEASURES


def measure(before: Seen, after: Seen, real: Tensor) -> dict:
    """Shares and means with their intervals [value, low, high]; distances to ``real`` crops (N, 3, 64, 64).

    "landmark error" is the mean distance of the five landmarks, in eye distances, where a face is found. "kept" of a
    measure of expression is its correlation over the photos with what it was; 1 keeps it, 0 is anybody's.
    """
    found = {"still detected": privacy.bootstrap(after.kept.double()).record()}
    moved = landmark_error(after)
    if len(moved):
        found["landmark error"] = privacy.bootstrap(moved).record()
    for index, name in enumerate(MEASURES):
        found[f"{name} kept"] = correlation(before.expression[:, index], after.expression[:, index]).record()
    sharp = after.sharpness[after.sharpness.isfinite()]
    if len(sharp):
        found["sharpness ratio"] = round(sharp.median().item(), 4)
    found["Frechet distance"] = round(quality.frechet_distance(after.pixels, real), 4)
    found["kernel distance"] = round(quality.kernel_distance(after.pixels, real), 6)
    return found | {"seconds a photo": round(after.seconds.median().item(), 3), "photos": len(after.kept)}


def landmark_error(seen: Seen) -> Tensor:
    """Mean distance of five landmarks to where they were, in eye distances, of the faces that are found (K,)."""
    eyes = (seen.before[:, 1] - seen.before[:, 0]).norm(dim=1)
    return ((seen.after - seen.before).norm(dim=2).mean(1) / eyes)[seen.kept]


def correlation(before: Tensor, after: Tensor, samples: int = 1000, seed: int = 0) -> privacy.Interval:
    """Pearson's correlation of two measures (N,), and its 95 % percentile interval over resampled photos."""
    random = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, len(before), (samples, len(before)), generator=random)
    drawn = _correlations(before.double()[rows], after.double()[rows]).nan_to_num(0.0)
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    value = _correlations(before.double()[None], after.double()[None]).nan_to_num(0.0).item()
    return privacy.Interval(value, low, high)


def _correlations(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
