"""Colour as people judge it, CIE L*a*b*, and how much light there is."""

import torch
from torch import Tensor

# sRGB's primaries over the D65 white point (IEC 61966-2-1).
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)
LUMA = (0.299, 0.587, 0.114)  # of coded R, G and B (ITU-R BT.601)
# A photo is not dark if so large a share of a frame is seen and at least so bright (of 1).
BRIGHT_SHARE, LIT = 0.01, 0.42
MOST_GAIN = 12.0  # how much a dark photo's values are multiplied at most


def lab(pixels: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) in [-1, 1] -> L* in 0 to 100, a* and b* around 0, (N, 3, H, W); CIE 15:2004."""
    value = ((pixels + 1) / 2).clamp(0, 1)
    linear = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(TO_XYZ).to(pixels) / torch.tensor(WHITE).to(pixels)[:, None]
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    root = torch.where(xyz > 0.008856, xyz.clamp(min=1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def light(pixels: Tensor) -> Tensor:
    """Pixels (N, 3, H, W) in [-1, 1] -> luma (N, 1, H, W) from 0 to 1 (ITU-R BT.601)."""
    return ((pixels + 1) / 2 * torch.tensor(LUMA).to(pixels)[:, None, None]).sum(1, keepdim=True)


def exposure(crops: Tensor, visible: Tensor) -> Tensor:
    """By how much the values of dark frames are to be multiplied, from black on: (F, 1, 1, 1), 1 or more.

    ``crops`` (F, 3, S, S), of which only what is ``visible`` (F, 1, S, S) is looked at.
    """
    light = (crops.mean(1, keepdim=True) + 1) / 2 * visible  # what is hidden counts as black
    brightest = light.flatten(1).quantile(1 - BRIGHT_SHARE, dim=1)
    return (LIT / brightest.clamp(min=1e-3)).clamp(1, MOST_GAIN)[:, None, None, None]


def exposed(images: Tensor, gain: Tensor) -> Tensor:
    """Images (F, 3, S, S) with their values, counted from black, times ``gain`` (F, 1, 1, 1)."""
    return ((images + 1) * gain - 1).clamp(-1, 1)
