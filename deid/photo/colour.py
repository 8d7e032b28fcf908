"""Colour as people judge it: CIE L*a*b*."""

import torch
from torch import Tensor

# sRGB's primaries over the D65 white point (IEC 61966-2-1).
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)


def lab(pixels: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) in [-1, 1] -> L* in 0 to 100, a* and b* around 0, (N, 3, H, W); CIE 15:2004."""
    value = ((pixels + 1) / 2).clamp(0, 1)
    linear = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(TO_XYZ).to(pixels) / torch.tensor(WHITE).to(pixels)[:, None]
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    root = torch.where(xyz > 0.008856, xyz.clamp(min=1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)
