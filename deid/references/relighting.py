"""A small network that relights a reference: by the skin that is seen around a hole, and a guess inside it.

It sees a frame at 64 px (what is visible, and a guess in the hole) and the reference, and answers with smooth
fields: a gain for each colour. Gains cannot draw, and cannot flatten a face, so what it looks like stays the
reference's. After Ke et al. (2022), "Harmonizer" (ECCV, arXiv 2207.01322), which regresses a picture's
adjustments, and Gharbi et al. (2017), "Deep bilateral learning" (arXiv 1707.02880), whose affine fields are
small as well. How it is trained: ``training.relighting``.
"""

from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_suffix(".safetensors")
SIDE = 64  # of what the network sees
FIELD = 16  # side of its fields: finer than a sixteenth of the frame is the reference's
PATCH = SIDE // FIELD
CONDITIONS = 3 + 1 + 3 + 1
WIDTHS = (48, 64, 96)  # at 16, 8 and 4 px
MOST = 2.0  # natural logarithm of the strongest gain


class Relighter(nn.Module):
    """A U-Net from conditions (N, 8, 64, 64) to the gains of three colours, as logarithms, (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        large, middle, small = WIDTHS
        self.read = nn.Sequential(nn.Conv2d(PATCH**2 * CONDITIONS, large, 1), nn.SiLU())
        self.at_16 = _convolution(large, large)
        self.at_8 = nn.Sequential(_convolution(large, middle, 2), _convolution(middle, middle))
        self.at_4 = _convolution(middle, small, 2)
        self.whole = nn.Linear(small, small)
        self.to_8, self.join_8 = nn.Conv2d(small, middle, 1), _convolution(middle, middle)
        self.to_16, self.join_16 = nn.Conv2d(middle, large, 1), _convolution(large, large)
        self.gains = nn.Conv2d(large, 3, 3, padding=1)
        for parameter in self.gains.parameters():
            nn.init.zeros_(parameter)  # an untrained network changes nothing

    def forward(self, given: Tensor) -> Tensor:
        """Conditions (N, 8, 64, 64) -> (N, 3, 16, 16)."""
        at_16 = self.at_16(self.read(F.pixel_unshuffle(given, PATCH)))
        at_8 = self.at_8(at_16)
        at_4 = self.at_4(at_8)
        at_4 = at_4 + self.whole(at_4.mean((2, 3)))[..., None, None]
        at_8 = self.join_8(at_8 + _doubled(self.to_8(at_4)))
        at_16 = self.join_16(at_16 + _doubled(self.to_16(at_8)))
        return MOST * torch.tanh(self.gains(at_16))


def conditions(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """All that the network sees, (N, 8, 64, 64), of frames and references (N, 3, S, S) in [-1, 1].

    ``visible`` (N, 1, S, S): where ``frame`` is seen and not guessed. ``weight`` (N, 1, S, S): where the
    reference is shown; what it shows elsewhere is not looked at.
    """
    inside = shrunk(weight)
    shown = shrunk(reference * weight) / inside.clamp(min=1e-3)
    return torch.cat([shrunk(frame), shrunk(visible), shown * (inside > 1e-3), inside], 1)


def relit(reference: Tensor, gains: Tensor) -> Tensor:
    """References (N, 3, S, S) under ``gains`` (N, 3, 16, 16), natural logarithms -> (N, 3, S, S).

    Not clamped. Coded values are multiplied, counted from black. These are powers of light, so that a gain is
    one of light as well.
    """
    size = reference.shape[3]
    gains = F.interpolate(gains.float(), (size, size), mode="bicubic", align_corners=False)
    return (reference + 1) * gains.exp() - 1


@lru_cache(maxsize=1)
def load() -> Relighter:
    """The network that ships, ready to use."""
    network = Relighter()
    network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False)


def shrunk(images: Tensor) -> Tensor:
    """Images (N, C, S, S) as means of pixels, (N, C, 64, 64)."""
    return F.interpolate(images, (SIDE, SIDE), mode="area")


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.SiLU())


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
