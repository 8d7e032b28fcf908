"""Other light, other colours, another place: what happens to a face before a network learns to undo it.

All images are (N, 3, S, S) in [-1, 1]; every draw takes a generator.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.colour import lab

# Standard deviations, in natural logarithms of coded values where not said otherwise.
BRIGHTNESS, COLOUR, GAMMA, HAZE = 0.3, 0.1, 0.15, 0.03
GRADIENT, TINT, BLOTCHES = 0.25, 0.05, 0.05
SHIFT, WARP = 0.02, 0.012  # of the side
LIGHT, CAST, TONE = 0.15, 0.05, 0.06  # of whole frames, and of skins
DARKEST, LIGHTEST = 20.0, 75.0  # L* of skins
# Times a skin's L*, the exponent that makes a gain of coded values of it, and that of the gain of colour.
CHANGED, STEEP, KEPT = (0.3, 1.6), 1.4, 0.35
ALIKE = (2.0, 1.6, 1.6)  # times how much a face's own L*, a* and b* vary: what is as near is skin


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


def retoned(faces: Tensor, skins: Tensor, share: float, random: torch.Generator) -> Tensor:
    """A ``share`` of frames with a darker or lighter skin, neck and ears as well; all of them in new light.

    ``skins`` (N, 1, S, S) from 0 to 1 is where each face's own skin is. Whatever has its colours counts as
    skin. The lightness that it gets is drawn evenly between ``DARKEST`` and ``LIGHTEST``, for most people of
    the photos at hand are light-skinned.
    """
    count, colours = len(faces), lab(faces)
    whole = skins.sum((2, 3), keepdim=True).clamp(min=1)
    mean = (colours * skins).sum((2, 3), keepdim=True) / whole
    spread = (((colours - mean).square() * skins).sum((2, 3), keepdim=True) / whole).sqrt().clamp(min=3)
    away = (
        ((colours - mean) / (spread * torch.tensor(ALIKE)[None, :, None, None])).square().sum(1, keepdim=True)
    )
    skin = F.avg_pool2d(torch.maximum(torch.exp(-away / 2), skins), 3, 1, 1)
    wanted = DARKEST + (LIGHTEST - DARKEST) * torch.rand(count, 1, 1, 1, generator=random)
    gain = (wanted / mean[:, :1].clamp(min=5)).clamp(*CHANGED) ** STEEP
    cast = (TONE * _normal((count, 3, 1, 1), random)).exp()
    chosen = (torch.rand(count, 1, 1, 1, generator=random) < share).to(faces)
    value = ((faces + 1) / 2).clamp(1e-3, 1)
    grey = value.mean(1, keepdim=True)  # skins of all tones have much the same chroma: light changes alone
    other = (grey * gain + (value - grey) * gain**KEPT) * cast
    value = value + chosen * skin * (other.clamp(0, 1) - value)
    light = LIGHT * _normal((count, 1, 1, 1), random) + CAST * _normal((count, 3, 1, 1), random)
    return (2 * value * light.exp() - 1).clamp(-1, 1)


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
