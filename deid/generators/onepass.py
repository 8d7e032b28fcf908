"""A generator that sees the surroundings: visible pixels, landmarks and a latent in, the whole frame out.

A co-modulated U-Net (Zhao et al., 2021, "Large Scale Image Completion via Co-Modulated Generative Adversarial
Networks", arXiv 2103.10428): an encoder reads what is visible, a StyleGAN2 decoder draws, and each of its
layers is styled by the latent and by the encoder's summary together. Pixels go in and come out as Haar
wavelets (Gal et al., 2021, "SWAGAN", arXiv 2102.06108), so that the widest layers work at half the side.
Every level reads and writes its own wavelets: a network holds all smaller ones, and ``grow`` makes a trained
one larger without changing what it draws.
"""

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.generators.stylegan2 import (
    Config,
    Convolution,
    DiscriminatorBlock,
    Epilogue,
    Linear,
    Mapping,
    StyledConvolution,
    ToRGB,
)

CONDITIONS = 3 + 1 + 5  # colours, which of them are visible, a blob for each landmark
HAAR = (
    (1, 1, 1, 1),
    (1, -1, 1, -1),
    (1, 1, -1, -1),
    (1, -1, -1, 1),
)  # of two by two pixels: mean, and three details


def haar(images: Tensor) -> Tensor:
    """The wavelets of (N, C, H, W) as (N, 4C, H / 2, W / 2): the means first, then each kind of detail."""
    pixels = F.pixel_unshuffle(images, 2).unflatten(1, (-1, 4))
    return torch.einsum("kp,ncphw->nkchw", images.new_tensor(HAAR) / 4, pixels).flatten(1, 2)


def unhaar(wavelets: Tensor) -> Tensor:
    """The inverse of ``haar``: (N, 4C, H, W) -> (N, C, 2H, 2W)."""
    kinds = wavelets.unflatten(1, (4, -1))
    return F.pixel_shuffle(torch.einsum("kp,nkchw->ncphw", wavelets.new_tensor(HAAR), kinds).flatten(1, 2), 2)


def conditions(crops: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
    """All that is known of a face before it is drawn, as maps (N, 9, S, S).

    ``crops`` (N, 3, S, S), ``visible`` (N, 1, S, S): hidden pixels are multiplied by zero. ``landmarks`` (N,
    5, 2) in frame pixels tell where eyes, nose and mouth are to be; nothing of how they looked.
    """
    size = crops.shape[3]
    steps = torch.arange(size, dtype=torch.float32, device=crops.device)
    x, y = landmarks.to(crops.device, torch.float32)[..., None].unbind(2)  # (N, 5, 1)
    spread = 2 * (size / 32) ** 2
    across, down = torch.exp(-((steps - x) ** 2) / spread), torch.exp(-((steps - y) ** 2) / spread)
    blobs = down[..., :, None] * across[..., None, :]
    return torch.cat([crops * visible, visible, blobs.to(crops.dtype)], 1)


def pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """Wavelets of images (N, C, H, W), of their means, and so on; coarsest first, (N, 4C, H/2, W/2) last."""
    found: list[Tensor] = []
    for _ in range(levels):
        found.insert(0, haar(images))
        images = found[0][:, : images.shape[1]]
    return found


class Encoder(nn.Module):
    """Reads conditions (N, 9, R, R): features at every resolution, 4 px first, R / 2 last, and a summary."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.channels
        self.read = nn.ModuleList([Convolution(4 * CONDITIONS, width, 1) for width in widths])
        self.own = nn.ModuleList([Convolution(width, width) for width in widths])
        self.down = nn.ModuleList(
            [Convolution(wide, narrow, down=True) for narrow, wide in zip(widths, widths[1:], strict=False)]
        )
        self.summary = Linear(widths[0] * 16, config.w_dim, active=True)

    def forward(self, given: Tensor) -> tuple[list[Tensor], Tensor]:
        """Conditions (N, 9, R, R) -> features by level, (N, C, 4, 4) first, and a summary (N, w_dim)."""
        waves = pyramid(given, len(self.own))
        finer: Tensor | float = 0.0
        found: list[Tensor] = []
        for level in range(len(self.own) - 1, -1, -1):
            features = self.own[level](self.read[level](waves[level]) + finer)
            found.insert(0, features)
            finer = self.down[level - 1](features) if level else 0.0
        return found, self.summary(features.float().flatten(1))


class DecoderBlock(nn.Module):
    """One resolution: features doubled, joined by the encoder's and convolved; their wavelets join the image.

    The image goes in at the block's own side (at 4 px there is none yet) and comes out at twice that.
    """

    def __init__(self, inputs: int, outputs: int, config: Config, resolution: int) -> None:
        super().__init__()
        self.conv0 = StyledConvolution(inputs, outputs, config, resolution, up=resolution > 4)
        self.conv1 = StyledConvolution(outputs, outputs, config, resolution, up=False)
        self.torgb = ToRGB(outputs, config, colours=12)

    def forward(
        self, features: Tensor, seen: Tensor, image: Tensor | None, w: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (N, inputs, S/2, S/2), the encoder's (N, outputs, S, S), image (N, 3, S, S), w (N, w_dim).

        -> features (N, outputs, S, S), image (N, 3, 2S, 2S). The first features are (N, inputs, 4, 4).
        """
        features = (self.conv0(features, w, "none", None) + seen) * 0.5**0.5
        features = self.conv1(features, w, "none", None)
        added = unhaar(self.torgb(features, w).float())
        return features, added if image is None else _doubled(image) + added


class Generator(FaceGenerator):
    """G: latents (N, z_dim) and conditions (N, 9, R, R) -> frames (N, 3, R, R), not clamped.

    ``config.channels`` are the feature maps from 4 px to R / 2.
    """

    family = "onepass"
    usual_frame = "deid"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.resolution, self.z_dim = config, 2 * config.resolution, config.z_dim
        self.mapping = Mapping(config)
        self.encoder = Encoder(config)
        self.join = Linear(2 * config.w_dim, config.w_dim, active=True)
        widths = (config.channels[0], *config.channels)
        self.blocks = nn.ModuleList(
            DecoderBlock(inputs, outputs, config, 4 * 2**level)
            for level, (inputs, outputs) in enumerate(zip(widths, config.channels, strict=False))
        )

    def forward(self, z: Tensor, given: Tensor, truncation_psi: float | Tensor = 1.0) -> Tensor:
        """z (N, z_dim) and conditions (N, 9, R, R) -> frames (N, 3, R, R).

        ``truncation_psi``, one or (N, 1), below 1 draws each person towards the mean one: fewer failures.
        """
        seen, summary = self.encoder(given)
        person = self.mapping.w_avg.lerp(self.mapping(z)[:, 0].float(), truncation_psi)
        w = self.join(torch.cat([person, summary], 1))
        features = seen[0]
        image: Any = None  # the first block gets none
        for block, known in zip(self.blocks, seen, strict=True):
            features, image = block(features, known, image, w)
        return image.float()

    @torch.no_grad()
    def calibrate(self, batches: int, batch: int, random: torch.Generator) -> None:
        """Estimate the mean person, for truncation, from ``batches * batch`` latents. In place."""
        z = self.sample_z(batches * batch, random).to(self.mapping.w_avg.device)
        self.mapping.w_avg.copy_(self.mapping(z)[:, 0].mean(0))


class Discriminator(FaceDiscriminator):
    """D: frames (N, 3, R, R) and their conditions (N, 9, R, R) -> logits (N, 1), and its features.

    It is shown which pixels were hidden and where the landmarks are, so that a face has to fit both.
    """

    family = "onepass"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.resolution = config, 2 * config.resolution
        widths = config.channels
        self.read = nn.ModuleList([Convolution(4 * CONDITIONS, width, 1) for width in widths])
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(wide, narrow, config, first=False)
            for narrow, wide in zip(widths, widths[1:], strict=False)
        )
        self.b4 = Epilogue(widths[0], config)

    def forward(self, images: Tensor, given: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Frames (N, 3, R, R), conditions (N, 9, R, R) -> logits (N, 1), features by level, finest first."""
        waves = pyramid(torch.cat([images, given[:, 3:]], 1), len(self.read))
        features, found = self.read[-1](waves[-1]), []
        for level in range(len(self.blocks) - 1, -1, -1):
            features = self.blocks[level](features) + self.read[level](waves[level])
            found.append(features)
        return self.b4(features, None), found


def _doubled(image: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W)."""
    return F.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)


Network = TypeVar("Network", Generator, Discriminator)


@torch.no_grad()
def grow(network: Network, config: Config) -> Network:
    """The network with more levels. Until it is trained it draws, or judges, as before at half the side.

    Progressive growing (Karras et al., 2018, arXiv 1710.10196), without fading: what the new levels add
    starts at zero.
    """
    old: int = len(network.config.channels)
    grown: Any = type(network)(config)
    if config.channels[:old] != network.config.channels:
        raise ValueError(
            f"channels {config.channels} do not begin with the network's own {network.config.channels}"
        )
    grown.load_state_dict(network.state_dict(), strict=False)
    if isinstance(network, Generator):
        last: list[Any] = [*grown.encoder.down[old - 1 :], *(block.torgb for block in grown.blocks[old:])]
    else:
        last = [part for block in grown.blocks[old - 1 :] for part in (block.conv1, block.skip)]
    for layer in last:
        for parameter in layer.parameters(recurse=False):
            parameter.zero_()
    return grown
