"""Every loss: a pure function of a few lines, with its paper and equation.

Logits are unbounded; positive means real.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(x)) - log(1 - sigmoid(D(G(z)))); Goodfellow et al. (2014), eq. 1.

    Logits (N,), (N,) -> scalar.
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating -log sigmoid(D(G(z))); Goodfellow et al. (2014), section 3. Logits (N,) -> scalar."""
    return F.softplus(-fake).mean()


def relativistic_loss(better: Tensor, worse: Tensor) -> Tensor:
    """-log sigmoid of how much more real one is taken for than its pair; Jolicoeur-Martineau (2018), eq. 5.

    D minimises it for (real, fake), G for (fake, real). Logits (N,), (N,) -> scalar.
    """
    return F.softplus(worse - better).mean()


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1: half the mean squared gradient of the logits at real images; Mescheder et al. (2018), eq. 9."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


def context_weights(visible: Tensor) -> Tensor:
    """W of Yeh et al., eq. 3: a visible pixel weighs the share of hidden ones in the window around it.

    (N, 1, S, S) -> (N, 1, S, S). The window is 7 pixels at S = 64 and grows with S. Pixels far from the hole
    would weigh nothing; a tenth is left to them, so that hair and background still say something about the
    light.
    """
    window = 2 * round(visible.shape[-1] * 3 / 64) + 1
    hidden_nearby = 1 - visible
    for kernel in ((window, 1), (1, window)):  # columns, then rows: the same mean, many times faster
        padding = kernel[0] // 2, kernel[1] // 2
        hidden_nearby = F.avg_pool2d(
            hidden_nearby, kernel, stride=1, padding=padding, count_include_pad=False
        )
    return visible * (hidden_nearby + 0.1)


def contextual_loss(images: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of |G(z) - y| over what is visible; Yeh et al., eq. 4, normalised.

    (..., 3, S, S) -> (...).
    """
    distance = (images - target).abs() * weights
    return distance.sum((-3, -2, -1)) / (3 * weights.sum((-3, -2, -1))).clamp(min=1e-6)


def perceptual_loss(logits: Tensor) -> Tensor:
    """-log D(G(z)): small where the discriminator takes the image for real. Logits (...) -> (...).

    Yeh et al., eq. 5, minimise log(1 - D(G(z))); this is its non-saturating form, with the same sign.
    """
    return F.softplus(-logits)


def prior_loss(latents: Tensor) -> Tensor:
    """How far |z|^2 / d is from 1, squared: standard normal latents lie on that shell. (..., L, d) -> (...).

    Where each of L layers has a latent of its own, they also pay for leaving their mean, ten times as much:
    random faces have one for all; layers that go their own ways agree with what is visible but draw no face
    in the hole.
    """
    shell = (latents.square().mean(-1) - 1).square().mean(-1)
    return shell + 10 * (latents - latents.mean(-2, keepdim=True)).square().mean((-2, -1))


def tone_difference(drawn: Tensor, real: Tensor) -> Tensor:
    """Mean absolute difference of the means of 8 x 8, 16 x 16 and 32 x 32 fields.

    Images (N, 3, S, S), (N, 3, S, S) -> scalar. What is finer is left to D: a G that is asked for each pixel
    of a hidden person draws the mean of many.
    """
    pools = [nn.AdaptiveAvgPool2d(side) for side in (8, 16, 32)]
    return torch.stack([F.l1_loss(pool(drawn), pool(real)) for pool in pools]).mean()


def facial_detail(images: Tensor) -> Tensor:
    """What tells faces apart, whatever their light and skin: detail between 1/8 and about 1/24 of the side.

    (N, 3, S, S) -> (N, 3, 32, 32): brows, lids, nose, lips as dark and bright, without the tone around them.
    """
    tone = F.interpolate(F.adaptive_avg_pool2d(images, 8), (32, 32), mode="bilinear", align_corners=False)
    # A mean of neighbours once more: a checkerboard is no face either.
    return F.avg_pool2d(F.adaptive_avg_pool2d(images, 32), 3, 1, 1, count_include_pad=False) - tone


def contrastive_loss(queries: Tensor, keys: Tensor, scale: Tensor | float) -> Tensor:
    """InfoNCE in both directions: each query is to find its own key among all; Radford et al. (2021), fig. 3.

    Unit vectors (N, D), (N, D), inverse temperature -> scalar.
    """
    logits, own = scale * queries @ keys.T, torch.arange(len(queries), device=queries.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
