"""What is left to use of faces after a method: found, in place, with pose and expression, and like a face.

Everything is computed from ``Observations``, before and after, row by row the same photo.
"""

from torch import Tensor

from deid.evaluation import feature_distances
from deid.evaluation.expression import MEASURES
from deid.evaluation.observations import Observations
from deid.evaluation.statistics import bootstrap, correlation


def measure_utility(before: Observations, after: Observations, real: Tensor) -> dict:
    """Shares and means with their intervals [value, low, high]; distances to ``real`` crops (N, 3, 64, 64).

    "landmark error" is the mean distance of the five landmarks, in eye distances, where a face is found.
    "correlation" of a measure of expression is over the photos, before against after: 1 where a method does
    not touch it, 0 where the new face has nothing to do with the old one.
    """
    found: dict = {"still detected": bootstrap(after.detected.double()).record()}
    moved = landmark_error(after)
    if len(moved):
        found["landmark error"] = bootstrap(moved).record()
    for index, name in enumerate(MEASURES):
        pair = before.expression[:, index], after.expression[:, index]
        found[f"{name} correlation"] = correlation(*pair).record()
    sharp = after.sharpness[after.sharpness.isfinite()]
    if len(sharp):
        found["sharpness ratio"] = round(sharp.median().item(), 4)
    found["Frechet distance"] = round(feature_distances.frechet_distance(after.pixels, real), 4)
    if min(len(after.detected), len(real)) >= 3:
        kernel = feature_distances.kernel_distance(after.pixels, real)
        found["kernel distance"] = round(kernel.value, 6)
        found["kernel distance, standard error"] = round(kernel.standard_error, 6)
    return found | {"seconds a photo": round(after.seconds.median().item(), 3), "photos": len(after.detected)}


def landmark_error(observed: Observations) -> Tensor:
    """Mean distance of the landmarks to where they were, in eye distances, of faces that are found (K,)."""
    eyes = (observed.before[:, 1] - observed.before[:, 0]).norm(dim=1)
    return ((observed.after - observed.before).norm(dim=2).mean(1) / eyes)[observed.detected]
