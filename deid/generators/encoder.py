"""Which latent draws a face, told from what is visible around it: where a search begins.

After Zhu et al. (2016), "Generative Visual Manipulation on the Natural Image Manifold" (arXiv 1609.03552),
section 3.1: a network predicts the latent, and a search goes on from there.
"""

import torch
from torch import Tensor, nn

WIDTHS = (48, 96, 192, 384)  # at 32, 16, 8 and 4 px
SIDE = 64


class Encoder(nn.Module):
    """Frames with a hole to latents, by convolutions with a stride of 2."""

    def __init__(self, z_dim: int = 100) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for narrow, wide in zip((4, *WIDTHS), WIDTHS, strict=False):
            layers += [
                nn.Conv2d(narrow, wide, 4, 2, 1, bias=False),
                nn.BatchNorm2d(wide),
                nn.LeakyReLU(0.2, True),
            ]
        self.z_dim = z_dim
        self.body = nn.Sequential(*layers)
        self.last = nn.Linear(WIDTHS[-1] * (SIDE // 16) ** 2, z_dim)

    def forward(self, frames: Tensor, visible: Tensor) -> Tensor:
        """Frames (N, 3, 64, 64) in [-1, 1], seen where ``visible`` (N, 1, 64, 64) is 1 -> (N, z_dim)."""
        return self.last(self.body(torch.cat([frames * visible, visible], 1)).flatten(1))
