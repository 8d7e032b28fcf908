"""MobileFaceNet: a small recogniser of the ArcFace kind. It judges results; it is fetched and never ships.

Chen et al. (2018), "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
Devices", arXiv 1804.07573: 1 million parameters. These weights are of github.com/foamliu/MobileFaceNet, which
learned from MS-Celeb-1M with ArcFace's loss (Deng et al., 2019, arXiv 1801.07698).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid.photo.alignment import Frame

SIDE = 112  # pixels of an input
# ArcFace's five points in it, from pixels to fractions.
ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
FRAME = Frame(SIDE, tuple(((x + 0.5) / SIDE, (y + 0.5) / SIDE) for x, y in ARCFACE))
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of pixels in [0, 1], as it was trained
# Expansion, width, blocks, stride of the first: the paper's table 1.
STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


class InvertedBottleneck(nn.Module):
    """Wide in between and narrow at its ends: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, wide, 1), nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.ReLU6(),
            nn.Conv2d(wide, outputs, 1),
        )  # fmt: skip
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        return features + self.layers(features) if self.adds else self.layers(features)


class MobileFaceNet(nn.Module):
    """The whole network: faces (N, 3, 112, 112) -> unit vectors (N, 128)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        blocks, width = [], 64
        for expansion, outputs, count, stride in STAGES:
            for index in range(count):
                blocks.append(InvertedBottleneck(width, outputs, expansion, 1 if index else stride))
                width = outputs
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2, 1), nn.ReLU6(),
            nn.Conv2d(64, 64, 3, 1, 1, groups=64), nn.ReLU(),
            nn.Conv2d(64, 64, 1), nn.ReLU(),
            *blocks,
            nn.Conv2d(width, 512, 1), nn.ReLU6(),
            nn.Conv2d(512, 512, 7, groups=512),
            nn.Conv2d(512, 128, 1), nn.Flatten(),
        )  # fmt: skip
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Faces (N, 3, 112, 112) in [-1, 1], RGB -> unit vectors (N, 128)."""
        return F.normalize(self.layers(((faces + 1) / 2 - self.mean) / self.deviation), dim=1)


def stacked(layers: Sequence[tuple[Tensor, Tensor]]) -> MobileFaceNet:
    """The network of these weights and biases, one pair for each convolution in its order."""
    network = MobileFaceNet()
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for layer, (weight, bias) in zip(convolutions, layers, strict=True):
        layer.weight, layer.bias = nn.Parameter(weight.reshape(layer.weight.shape)), nn.Parameter(bias)
    return network
