"""How far drawn faces are from real ones, on the features of a face detector.

Images are (N, 3, H, W) in [-1, 1].
"""

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


def kernel_distance(drawn: Tensor, real: Tensor, features: nn.Module | None = None, seed: int = 0) -> float:
    """Kernel distance of two sets of images, unbiased, so for a few hundred of them.

    Binkowski et al. (2018, arXiv 1801.01401), section 4. Squared maximum mean discrepancy under a cubic
    kernel on ``FaceFeatures``, the mean over subsets of 100.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(100, len(drawn), len(real))
    distance = KernelInceptionDistance(features or FaceFeatures(), subsets=50, subset_size=size)
    for batch, is_real in ((real, True), (drawn, False)):
        for part in batch.clamp(-1, 1).split(250):
            distance.update(part, real=is_real)
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # its subsets
        return distance.compute()[0].item()
