"""Other light, other colours, another place: what happens to a face before a network learns to undo it.

All images are (N, 3, S, S) in [-1, 1]; every draw takes a generator.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Standard deviations, in natural logarithms of coded values where not said otherwise.
BRIGHTNESS, COLOUR, GAMMA, HAZE = 0.3, 0.1, 0.15, 0.03
GRADIENT, TINT, BLOTCHES = 0.25, 0.05, 0.05
SHIFT, WARP = 0.02, 0.012  # of the side


def disturbed(faces: Tensor, random: torch.Generator) -> Tensor:
    """Faces with other colours, contrast and light, moved and bent a little."""
    return moved(recoloured(faces, random), random)


def recoloured(faces: Tensor, random: torch.Generator) -> Tensor:
    """Faces under a light of another strength, colour and direction; some of their shades are new as well."""
    count, size = len(faces), faces.shape[3]
    value = ((faces + 1) / 2).clamp(1e-3, 1)
    value = value ** (GAMMA * _normal((count, 1, 1, 1), random)).exp()
    change = BRIGHTNESS * _normal((count, 1, 1, 1), random) + COLOUR * _normal((count, 3, 1, 1), random)
    change = change + GRADIENT * _field(count, 1, 3, size, random) + TINT * _field(count, 3, 3, size, random)
    change = change + BLOTCHES * _field(count, 1, 8, size, random)
    value = value * change.exp() + HAZE * _normal((count, 3, 1, 1), random)
    return (2 * value - 1).clamp(-1, 1)


def moved(faces: Tensor, random: torch.Generator, warp: float = WARP) -> Tensor:
    """Pictures (N, C, S, S) that are shifted and bent by a few hundredths of their side."""
    count, size = len(faces), faces.shape[3]
    identity = torch.eye(2, 3).expand(count, 2, 3)
    places = F.affine_grid(identity, [count, 1, size, size], align_corners=False)
    moves = 2 * SHIFT * _normal((count, 2, 1, 1), random) + 2 * warp * _field(count, 2, 4, size, random)
    return F.grid_sample(
        faces, places + moves.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )


def _field(count: int, channels: int, cells: int, size: int, random: torch.Generator) -> Tensor:
    """Smooth noise (N, channels, size, size) of about ``cells`` waves across."""
    return F.interpolate(
        _normal((count, channels, cells, cells), random), (size, size), mode="bicubic", align_corners=True
    )


def _normal(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=random)
