"""How far drawn faces are from real ones, on the features of a face detector.

Images are (N, 3, H, W) in [-1, 1].
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from facenet_pytorch.models.mtcnn import ONet
from torch import Tensor, nn


class FaceFeatures(nn.Module):
    """256 features of a face: what MTCNN's last stage (O-Net) knows before it decides.

    Its weights are in facenet-pytorch. Images (N, 3, H, W) in [-1, 1] -> (N, 256). Inception's features, the
    usual ones, need a download and were learned from photographs of things; distances on different features
    must never be compared.
    """

    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        network = ONet().eval().requires_grad_(False)
        layers = [
            layer for name, layer in network.named_children() if not name.startswith(("dense", "softmax"))
        ]
        # All but the last PReLU, which belongs to the dense layer.
        self.convolutions = nn.Sequential(*layers[:-1])
        self.dense = nn.Sequential(network.dense5, network.prelu5)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [-1, 1] -> features (N, 256)."""
        small = F.interpolate(images, (48, 48), mode="bilinear", antialias=True, align_corners=False)
        # Flattened width before height before channels, as O-Net was trained.
        return self.dense(self.convolutions(small).permute(0, 3, 2, 1).flatten(1))


def frechet_distance(drawn: Tensor, real: Tensor, features: nn.Module | None = None) -> float:
    """Frechet distance of two sets of images on ``FaceFeatures``.

    Heusel et al. (2017, arXiv 1706.08500), eq. 6. Both (N, 3, H, W) in [-1, 1]; it falls with N, so compare
    at one N only.
    """
    # Of the study's extras: the tool does without.
    from torchmetrics.image.fid import FrechetInceptionDistance

    distance = FrechetInceptionDistance(features or FaceFeatures())
    for batch, is_real in ((real, True), (drawn, False)):
        for part in batch.clamp(-1, 1).split(250):
            distance.update(part, real=is_real)
    return distance.compute().item()


class KernelDistance(NamedTuple):
    """A kernel distance and its standard error."""

    value: float
    standard_error: float


@torch.no_grad()
def kernel_distance(
    drawn: Tensor, real: Tensor, features: nn.Module | None = None, subset: int = 1000
) -> KernelDistance:
    """Kernel distance of two sets of images on ``FaceFeatures``, and its standard error.

    Binkowski et al. (2018, arXiv 1801.01401), section 4: the squared maximum mean discrepancy under the
    kernel (x.y / d + 1)^3, estimated without bias. Both (N, 3, H, W) in [-1, 1], at least 3 of each; the
    mean over subsets of about ``subset`` where there are more.

    Small samples: the Frechet distance falls with N towards its limit, and for a few hundred images most of
    a small one is that bias. This one is right on average for any N, so runs of several N may be compared.
    The price is scatter: near 0 it is as often negative. The standard error is the jackknife's over images
    (Efron and Stein, 1981). Two values differ where they lie some errors apart; where both sets are alike
    the jackknife errs upwards. It knows nothing of photos that belong to one person.
    """
    if min(len(drawn), len(real)) < 3:
        raise ValueError(f"a kernel distance needs at least 3 images of each, not {len(drawn)}, {len(real)}")
    network = features or FaceFeatures()
    sets = [torch.cat([network(part) for part in x.clamp(-1, 1).split(250)]).double() for x in (drawn, real)]
    count = max(1, min(round(max(map(len, sets)) / subset), min(map(len, sets)) // 3))
    pairs = zip(*(vectors.tensor_split(count) for vectors in sets), strict=True)
    values, errors = zip(*(_squared_discrepancy(*pair) for pair in pairs), strict=True)
    return KernelDistance(sum(values) / count, math.hypot(*errors) / count)


def _squared_discrepancy(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Gretton et al. (2012), eq. 3, of vectors (N, D) and (M, D), and its jackknife standard error."""
    within = [(a @ a.T / a.shape[1] + 1).pow(3).fill_diagonal_(0) for a in (x, y)]
    across = (x @ y.T / x.shape[1] + 1).pow(3)
    own = [k.sum() / (len(k) * (len(k) - 1)) for k in within]
    variance = 0.0
    for k, c in zip(within, (across, across.T), strict=True):
        n = len(k)
        # The statistic without the i-th image, up to what does not depend on i.
        left = (k.sum() - 2 * k.sum(1)) / ((n - 1) * (n - 2)) - 2 * (c.sum() - c.sum(1)) / (
            (n - 1) * c.shape[1]
        )
        variance += (n - 1) * left.var(correction=0).item()
    return (own[0] + own[1] - 2 * across.mean()).item(), math.sqrt(variance)
