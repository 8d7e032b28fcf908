"""How good drawn faces are: pure functions of image tensors.

Images are (N, 3, H, W) in [-1, 1]. Distances are root-mean-square differences per value, so that they do not
depend on the resolution: 0 is the same image, 2 is black against white.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import detection


def detection_rate(batch: Tensor, min_score: float = 0.9, device: str = "cpu") -> float:
    """The share of crops in which MTCNN finds a face at ``min_score`` or more.

    MTCNN looks for faces inside photos, not for tiny pictures filled by one: each crop is enlarged to about
    192 px (bicubic) and gets a grey border of 32 px before it is searched. All of 64 real CelebA crops are
    found that way.
    """
    factor = max(1, round(192 / batch.shape[3]))
    found = []
    for part in batch.split(64):
        enlarged = F.interpolate(part, scale_factor=factor, mode="bicubic", align_corners=False).clamp(-1, 1)
        found += detection.detect(F.pad(enlarged, (32,) * 4), min_score, min_size=60, device=device)
    return sum(bool(here) for here in found) / len(found)


def mean_pairwise_distance(batch: Tensor) -> float:
    """The mean distance over all pairs of ``batch``: low when a generator draws few different faces."""
    return torch.pdist(batch.flatten(1)).mean().item() / math.sqrt(batch[0].numel())


def nearest_distances(
    queries: Tensor, references: Tensor, flips: bool = True, chunk: int = 1024
) -> tuple[Tensor, Tensor]:
    """Each query's distance (N,) to its nearest reference, and that reference's index (N,).

    With ``flips`` a mirrored reference counts as the same one: training saw both.
    """
    best = torch.full((len(queries),), math.inf)
    index = torch.zeros(len(queries), dtype=torch.long)
    for start in range(0, len(references), chunk):
        part = references[start : start + chunk]
        for known in (part, part.flip(3)) if flips else (part,):
            distance, nearest = torch.cdist(queries.flatten(1), known.flatten(1)).min(1)
            closer = distance < best
            best, index = torch.where(closer, distance, best), torch.where(closer, nearest + start, index)
    return best / math.sqrt(queries[0].numel()), index


def sharpness(batch: Tensor) -> Tensor:
    """Mean size of the brightness gradient of each image (N,), per pixel."""
    grey = batch.mean(1)
    across, down = grey[:, :-1, 1:] - grey[:, :-1, :-1], grey[:, 1:, :-1] - grey[:, :-1, :-1]
    return torch.hypot(across, down).mean((1, 2))


def edge_step(batch: Tensor, visible: Tensor, window: int = 5) -> Tensor:
    """How far colours jump along the hole of each image (N,), in grey levels of 256.

    Images (N, 3, S, S), ``visible`` (N, 1, S, S). Where a window lies on both sides, the difference of the
    two sides' means. A face has edges of its own: compare with the same image before.
    """
    means = []
    for side in (visible, 1 - visible):
        share = F.avg_pool2d(side, window, 1, window // 2)
        means.append(F.avg_pool2d(batch * side, window, 1, window // 2) / share.clamp(min=1e-6))
    along = ((F.max_pool2d(1 - visible, 3, 1, 1) > 0.5) & (visible > 0.5)).float()
    steps = (means[0] - means[1]).abs().mean(1, keepdim=True) * along
    return 127.5 * steps.sum((1, 2, 3)) / along.sum((1, 2, 3))


def surviving_detail(batch: Tensor) -> float:
    """The sharpness of the mean image as a share of the images' own: 1 if all are alike, 0 if none are."""
    return (sharpness(batch.mean(0, keepdim=True)) / sharpness(batch).mean()).item()


def landmark_scatter(landmarks: Tensor) -> float:
    """How far landmarks (N, 5, 2) lie from their mean places: root mean square, in mean eye distances."""
    mean = landmarks.mean(0)
    eye_distance = (landmarks[:, 1] - landmarks[:, 0]).norm(dim=1).mean()
    return ((landmarks - mean).square().sum(2).mean().sqrt() / eye_distance).item()


def averages(batch: Tensor, of: int = 16) -> Tensor:
    """The mean of each ``of`` images in a row, (N // of, 3, H, W): a set, without showing a person."""
    count = len(batch) // of
    return batch[: count * of].reshape(count, of, *batch.shape[1:]).mean(1)
