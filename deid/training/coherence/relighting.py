"""The same person in other light, through another camera: what two views of a face may not agree on."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = 0.1  # share of pictures without colour
SIDES = (64, 44, 30, 21)  # a picture is shrunk to one of these sides, and enlarged again


def relight(images: Tensor, random: torch.Generator, strength: float = 1.0) -> Tensor:
    """Each of the images (N, 3, S, S) in [-1, 1] with other light, colours, sharpness and noise -> same.

    Gain, gamma and contrast; colour temperature, tint and saturation; light from one side; blur; noise.
    ``strength`` 0 changes nothing. Skin stays as dark or fair as it is, roughly: that is part of the person.
    """
    if not strength:
        return images
    lit = _tone(images / 2 + 0.5, random, strength)
    lit = _from_one_side(_colour(lit, random, strength), random, strength)
    return (_noise(_blur(lit, random), random, strength) * 2 - 1).clamp(-1, 1)


def _uniform(images: Tensor, reach: float, random: torch.Generator) -> Tensor:
    """One number for each image, (N, 1, 1, 1), between ``-reach`` and ``reach``."""
    return (torch.rand(len(images), 1, 1, 1, generator=random) * 2 - 1) * reach


def _tone(images: Tensor, random: torch.Generator, strength: float) -> Tensor:
    gain = _uniform(images, 0.35 * strength, random).exp()
    gamma = _uniform(images, 0.3 * strength, random).exp()
    contrast = _uniform(images, 0.3 * strength, random).exp()
    return (((images.clamp(0, 1) + 1e-4) ** gamma * gain) - 0.45) * contrast + 0.45


def _colour(images: Tensor, random: torch.Generator, strength: float) -> Tensor:
    warm, tint = _uniform(images, 0.15 * strength, random), _uniform(images, 0.06 * strength, random)
    coloured = images * torch.cat([warm, tint, -warm], 1).exp()
    grey = coloured.mean(1, keepdim=True)
    saturation = _uniform(images, 0.5 * strength, random).exp()
    saturation = saturation * (torch.rand(saturation.shape, generator=random) >= GREY)
    return grey + (coloured - grey) * saturation


def _from_one_side(images: Tensor, random: torch.Generator, strength: float) -> Tensor:
    """A linear gradient of light across each image."""
    steps = torch.linspace(-1, 1, images.shape[3])
    angle, slope = _uniform(images, math.pi, random), _uniform(images, 0.5 * strength, random)
    return images * (1 + slope * (angle.cos() * steps + angle.sin() * steps[:, None]))


def _blur(images: Tensor, random: torch.Generator) -> Tensor:
    blurred, size = images.clone(), images.shape[3]
    chosen = torch.randint(0, len(SIDES), (len(images),), generator=random)
    for k, side in enumerate(SIDES):
        if side < size and (chosen == k).any():
            small = F.interpolate(images[chosen == k], (side, side), mode="area")
            blurred[chosen == k] = F.interpolate(small, (size, size), mode="bilinear")
    return blurred


def _noise(images: Tensor, random: torch.Generator, strength: float) -> Tensor:
    count, channels, size, _ = images.shape
    amount = torch.rand(count, 1, 1, 1, generator=random) ** 2 * 0.08 * strength
    fine = torch.randn(count, channels, size, size, generator=random)
    coarse = torch.randn(count, channels, size // 2, size // 2, generator=random)
    return images + amount * (fine + F.interpolate(coarse, scale_factor=2.0, mode="bilinear")) / 2
