"""Which kind of person fits into a hole: a small network that looks around it and at a recogniser's vectors.

A recogniser's embedding of a face says how old a person is, of which sex, if there is a beard, how the skin
looks. One tower sees a frame without its face, another reads such an embedding. They are trained together on
photographed faces, as CLIP is on pictures and captions (Radford et al., 2021, arXiv 2103.00020): the vector
of the surroundings is to be nearest to that of the face that belongs there. Each side is shown another light,
colour, sharpness and noise (``training.coherence``), so that only the kind of person is left to agree on. See
deid/generators/WEIGHTS.md.
"""

from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from deid.photo.alignment import DCGAN_FRAME

WEIGHTS = Path(__file__).with_suffix(".safetensors")
RECOGNISER = "openface"  # whose embeddings are read
SIDE = 64  # pixels of a frame
WIDTHS = (32, 64, 96, 128)  # feature maps at 32, 16, 8 and 4 px
LENGTH = 64  # of a vector
SUBTLE = 20.0  # landmarks differ by a twentieth of the side; networks like numbers around one


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class ResidualHalf(nn.Module):
    """Two convolutions, beside them the mean of two by two (after He et al., 2016, arXiv 1512.03385)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(inputs, outputs, 2), _convolution(outputs, outputs)
        self.beside = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""
        return F.relu(self.second(F.relu(self.first(features))) + self.beside(F.avg_pool2d(features, 2)))


class Coherence(nn.Module):
    """Both towers, and how sharply training tells vectors apart (``scale``, a logarithm)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _convolution(4, WIDTHS[0], 2)
        self.blocks = nn.Sequential(*(ResidualHalf(a, b) for a, b in zip(WIDTHS, WIDTHS[1:], strict=False)))
        self.places = nn.Conv2d(WIDTHS[-1], 16, 1)  # few channels, so that it may matter where something is
        self.around = nn.Sequential(
            nn.Linear(WIDTHS[-1] + 16 * 16 + 10, 128), nn.ReLU(), nn.Linear(128, LENGTH)
        )
        self.inside = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, LENGTH))
        self.scale = nn.Parameter(torch.tensor(2.7))

    def surroundings(self, crops: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
        """The kind of person that fits: unit vectors (N, 64).

        ``crops`` (N, 3, 64, 64), ``visible`` (N, 1, 64, 64) as 0 or 1: hidden pixels are multiplied by zero.
        ``landmarks`` (N, 5, 2) as fractions of the side.
        """
        features = self.blocks(F.relu(self.first(torch.cat([crops * visible, visible], 1))))
        usual = torch.tensor(DCGAN_FRAME.template).to(landmarks)
        numbers = ((landmarks - usual) * SUBTLE).flatten(1).to(features)
        parts = [features.mean((2, 3)), F.relu(self.places(features)).flatten(1), numbers]
        return F.normalize(self.around(torch.cat(parts, 1)).float(), dim=1)

    def faces(self, embeddings: Tensor) -> Tensor:
        """The kind of person that faces show; the recogniser's unit vectors (N, 128) -> (N, 64)."""
        return F.normalize(self.inside(embeddings * embeddings.shape[1] ** 0.5).float(), dim=1)


@lru_cache(maxsize=1)
def load_coherence() -> Coherence:
    """The networks with the weights that ship."""
    network = Coherence()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def kinds_around(crops: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
    """The kind of person that fits into each hole: unit vectors (N, 64); no hidden pixel matters.

    Shapes as in ``Coherence.surroundings``. One by one: what fits one face depends on no other.
    """
    parts = zip(crops.split(1), visible.split(1), landmarks.split(1), strict=True)
    return torch.cat([load_coherence().surroundings(*part) for part in parts])
