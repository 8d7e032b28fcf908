"""A generator that sees the surroundings: visible pixels, landmarks and a latent in, the whole frame out, in one pass.

A co-modulated U-Net (Zhao et al., 2021, "Large Scale Image Completion via Co-Modulated Generative Adversarial
Networks", arXiv 2103.10428): an encoder reads what is visible, a StyleGAN2 decoder draws, and each of its layers is
styled by the latent and by the encoder's summary together.
"""

import torch
from torch import Tensor, nn

from deid.generators.stylegan2 import (
    Config,
    Convolution,
    DiscriminatorBlock,
    Epilogue,
    Linear,
    Mapping,
    StyledConvolution,
    ToRGB,
    blur,
    upsample,
)

CONDITIONS = 3 + 1 + 5  # colours, which of them are visible, a blob for each landmark


def conditions(crops: Tensor, visible: Tensor, landmarks: Tensor) -> Tensor:
    """All that is known of a face before it is drawn, as maps (N, 9, S, S).

    ``crops`` (N, 3, S, S), ``visible`` (N, 1, S, S): hidden pixels are multiplied by zero. ``landmarks`` (N, 5, 2) in
    frame pixels tell where eyes, nose and mouth are to be; nothing of how they looked.
    """
    size = crops.shape[3]
    steps = torch.arange(size, dtype=torch.float32, device=crops.device)
    x, y = landmarks.to(crops.device, torch.float32)[..., None].unbind(2)  # (N, 5, 1)
    spread = 2 * (size / 32) ** 2
    across, down = torch.exp(-((steps - x) ** 2) / spread), torch.exp(-((steps - y) ** 2) / spread)
    blobs = down[..., :, None] * across[..., None, :]
    return torch.cat([crops * visible, visible, blobs.to(crops.dtype)], 1)


class Encoder(nn.Module):
    """Conditions (N, 9, R, R) -> features at every resolution, 4 px first, and a summary (N, w_dim)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.channels
        self.first = Convolution(CONDITIONS, widths[-1], 1)
        self.own = nn.ModuleList([Convolution(width, width) for width in widths])
        self.down = nn.ModuleList(
            [Convolution(wide, narrow, down=True) for narrow, wide in zip(widths, widths[1:], strict=False)]
        )
        self.summary = Linear(widths[0] * 16, config.w_dim, active=True)

    def forward(self, given: Tensor) -> tuple[list[Tensor], Tensor]:
        features, found = self.first(given), []
        for level in range(len(self.own) - 1, -1, -1):
            features = self.own[level](features)
            found.insert(0, features)
            if level:
                features = self.down[level - 1](features)
        return found, self.summary(features.float().flatten(1))


class DecoderBlock(nn.Module):
    """One resolution: features doubled, joined by the encoder's, convolved, and their colours added to the image."""

    def __init__(self, inputs: int, outputs: int, config: Config, resolution: int) -> None:
        super().__init__()
        self.conv0 = StyledConvolution(inputs, outputs, config, resolution, up=resolution > 4)
        self.conv1 = StyledConvolution(outputs, outputs, config, resolution, up=False)
        self.torgb = ToRGB(outputs, config)
        self.register_buffer("resample_filter", blur())

    def forward(
        self, features: Tensor, seen: Tensor, image: Tensor | None, w: Tensor, random: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        mode = "random" if random else "const"
        features = (self.conv0(features, w, mode, random) + seen) * 0.5**0.5
        features = self.conv1(features, w, mode, random)
        colours = self.torgb(features, w)
        return features, colours if image is None else upsample(image, self.resample_filter) + colours


class Generator(nn.Module):
    """G: latents (N, z_dim) and conditions (N, 9, R, R) -> frames (N, 3, R, R), roughly in [-1, 1], not clamped."""

    family = "onepass"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.resolution, self.z_dim = config, config.resolution, config.z_dim
        self.mapping = Mapping(config)
        self.encoder = Encoder(config)
        self.join = Linear(2 * config.w_dim, config.w_dim, active=True)
        widths = (config.channels[0], *config.channels)
        self.blocks = nn.ModuleList(
            DecoderBlock(inputs, outputs, config, 4 * 2**level)
            for level, (inputs, outputs) in enumerate(zip(widths, config.channels, strict=False))
        )

    def forward(self, z: Tensor, given: Tensor, random: torch.Generator | None = None) -> Tensor:
        """``random`` draws new noise for the details; without it the network's own is used."""
        seen, summary = self.encoder(given)
        w = self.join(torch.cat([self.mapping(z)[:, 0], summary], 1))
        features, image = seen[0], None
        for block, known in zip(self.blocks, seen, strict=True):
            features, image = block(features, known, image, w, random)
        return image.float()

    def sample_z(self, count: int, random: torch.Generator) -> Tensor:
        """Latents (count, z_dim) from the standard normal prior, drawn on the generator's own device."""
        return torch.randn(count, self.z_dim, generator=random, device=random.device)


class Discriminator(nn.Module):
    """D: frames (N, 3, R, R) and the conditions they were drawn for (N, 9, R, R) -> logits (N, 1), and its features.

    It is shown which pixels were hidden and where the landmarks are, so that a face has to fit both.
    """

    family = "onepass"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.resolution = config, config.resolution
        levels = range(len(config.channels) - 1, 0, -1)
        self.fromrgb = Convolution(CONDITIONS, config.channels[-1], 1)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(config.channels[k], config.channels[k - 1], config, first=False) for k in levels
        )
        self.b4 = Epilogue(config.channels[0], config)

    def forward(self, images: Tensor, given: Tensor) -> tuple[Tensor, list[Tensor]]:
        features, found = self.fromrgb(torch.cat([images, given[:, 3:]], 1)), []
        for block in self.blocks:
            features = block(features)
            found.append(features)
        return self.b4(features, None), found
