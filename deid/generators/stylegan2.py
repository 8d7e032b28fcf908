"""StyleGAN2: the networks of Karras et al. (2020), arXiv 1912.04958, in the layout of StyleGAN2-ADA.

Plain PyTorch: no compiled extension, any device. Parameter names are those of NVIDIA's stylegan2-ada-pytorch,
so its state dicts load as they are. Modulation scales a layer's input instead of its weights (equations 1 and
3 are linear in both), so that one convolution serves the whole batch.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid.generators.interface import FaceDiscriminator, FaceGenerator

NOISE_MODES = ("const", "random", "none")
GAIN = math.sqrt(
    2
)  # keeps the variance through a leaky ReLU, which halves it; ReLUs are linear in a positive factor
BLUR = (1.0, 3.0, 3.0, 1.0)  # the binomial filter behind every change of resolution


@dataclass(frozen=True)
class Config:
    """The shape of a StyleGAN2: ``channels[k]`` are the feature maps at resolution ``4 * 2**k``.

    ``mapping`` are the widths of the mapping network's layers, the last being w's. ``clamp`` bounds
    activations (NVIDIA's half-precision networks were trained with 256), ``group`` and ``group_channels`` are
    the discriminator's minibatch standard deviation.
    """

    channels: tuple[int, ...]
    z_dim: int = 512
    mapping: tuple[int, ...] = (512,) * 8
    mapping_rate: float = 0.01
    clamp: float | None = None
    group: int = 4
    group_channels: int = 1

    @property
    def resolution(self) -> int:
        """Side of the images in pixels."""
        return 4 * 2 ** (len(self.channels) - 1)

    @property
    def w_dim(self) -> int:
        """Length of one style vector."""
        return self.mapping[-1]

    @property
    def num_ws(self) -> int:
        """Style vectors of the synthesis network: one for each convolution, one for the last colour layer."""
        return 2 * len(self.channels)


def resample(
    images: Tensor, kernel: Tensor, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0)
) -> Tensor:
    """(N, C, H, W) -> (N, C, h, w): resampled by ``up / down`` through a smoothing ``kernel`` (k, k).

    Inserts ``up - 1`` zeros, pads, convolves each channel and leaves every ``down``-th pixel.
    ``padding`` is before and after, the same in both directions. The sum of the image stays as if ``up``
    were 1. The kernel must be an outer product, as StyleGAN2's are: columns and rows are convolved one after
    the other.
    """
    count, channels, height, width = images.shape
    if up > 1:
        spread = images.new_zeros(count, channels, height, up, width, up)
        spread[:, :, :, 0, :, 0] = images
        images = spread.reshape(count, channels, height * up, width * up)
    before, after = padding
    images = F.pad(images, (before, after, before, after))
    kernel = kernel.flip(0, 1) * up**2
    column, row = kernel.sum(1).to(images.dtype), (kernel.sum(0) / kernel.sum()).to(images.dtype)
    images = F.conv2d(images, column.view(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)
    images = F.conv2d(images, row.view(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels)
    return images[
        :, :, ::down, ::down
    ]  # a strided convolution channel by channel is many times slower on a CPU


def upsample(images: Tensor, kernel: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W), smoothed by ``kernel``."""
    taps = kernel.shape[0]
    return resample(images, kernel, up=2, padding=((taps + 1) // 2, (taps - 2) // 2))


def downsample(images: Tensor, kernel: Tensor, margin: int = 0, stride: int = 2) -> Tensor:
    """(N, C, H, W) -> (N, C, H / 2, W / 2), smoothed by ``kernel``.

    ``stride=1`` leaves halving, and a border of ``margin``, to the next layer.
    """
    taps = kernel.shape[0]
    return resample(images, kernel, down=stride, padding=(margin + (taps - 1) // 2, margin + (taps - 2) // 2))


def activate(features: Tensor, clamp: float | None = None) -> Tensor:
    """Leaky ReLU (0.2) of features of any shape, then a clamp.

    The gain ``GAIN`` is left to the caller, who puts it into weights and bias.
    """
    features = F.leaky_relu(features, 0.2)
    return features if clamp is None else features.clamp(-clamp, clamp)


def normalize(vectors: Tensor) -> Tensor:
    """Vectors (N, d), each scaled to a mean square of 1 -> (N, d)."""
    return vectors * (vectors.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def blur_kernel() -> Tensor:
    """The smoothing kernel (4, 4), its sum 1."""
    taps = torch.tensor(BLUR)
    return torch.outer(taps, taps) / taps.sum() ** 2


class Linear(nn.Module):
    """A fully connected layer with an equalised learning rate: weights of unit variance, scaled when used."""

    def __init__(
        self, inputs: int, outputs: int, rate: float = 1.0, bias: float = 0.0, active: bool = False
    ) -> None:
        super().__init__()
        self.rate, self.active = rate, active
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        scale = self.rate / math.sqrt(self.weight.shape[1])
        vectors = F.linear(vectors, self.weight * scale, self.bias * self.rate)
        return F.leaky_relu(vectors, 0.2) * GAIN if self.active else vectors


class Mapping(nn.Module):
    """The mapping network f: z (N, z_dim) -> w, repeated for each layer: (N, num_ws, w_dim)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.num_ws, self.depth = config.num_ws, len(config.mapping)
        self.w_avg: Tensor
        widths = (config.z_dim, *config.mapping)
        for index, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
            setattr(self, f"fc{index}", Linear(inputs, outputs, config.mapping_rate, active=True))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        """z (N, z_dim) -> w (N, num_ws, w_dim).

        ``truncation_psi`` below 1 draws w towards its mean: less variety, fewer failures (Karras et al.,
        2019).
        """
        w = normalize(z.float())
        for index in range(self.depth):
            w = getattr(self, f"fc{index}")(w)
        if truncation_psi != 1:
            w = self.w_avg.lerp(w, truncation_psi)
        return w[:, None].repeat(1, self.num_ws, 1)


class StyledConvolution(nn.Module):
    """Modulated 3x3 convolution, demodulation (section 2.2), noise, leaky ReLU; ``up`` doubles the side."""

    def __init__(self, inputs: int, outputs: int, config: Config, resolution: int, up: bool) -> None:
        super().__init__()
        self.up, self.clamp = up, config.clamp
        self.noise_const: Tensor
        self.resample_filter: Tensor
        self.affine = Linear(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.register_buffer("resample_filter", blur_kernel())

    def forward(self, features: Tensor, w: Tensor, noise_mode: str, random: torch.Generator | None) -> Tensor:
        """Features (N, inputs, H, W) and w (N, w_dim) -> (N, outputs, H, W), or twice the side."""
        style = self.affine(w)  # (N, inputs)
        energy = self.weight.square().sum((2, 3))  # (outputs, inputs)
        demodulation = (GAIN * (style.square() @ energy.T + 1e-8).rsqrt()).to(features.dtype)
        features = features * style.to(features.dtype)[:, :, None, None]
        weight = self.weight.to(features.dtype)
        if self.up:
            features = F.conv_transpose2d(features, weight.transpose(0, 1), stride=2)
            taps = self.resample_filter.shape[0]
            edges = (taps - 1) // 2, (taps - 2) // 2  # the transposed convolution leaves one pixel too many
            features = resample(features, self.resample_filter * 4, padding=edges)
        else:
            features = F.conv2d(features, weight, padding=1)
        features = features * demodulation[:, :, None, None] + (GAIN * self.bias).to(features.dtype).view(
            1, -1, 1, 1
        )
        if noise_mode != "none":
            features = features + self._noise(features, noise_mode, random)
        return activate(features, self.clamp)

    def _noise(self, features: Tensor, noise_mode: str, random: torch.Generator | None) -> Tensor:
        noise = self.noise_const
        if noise_mode == "random":
            shape = (len(features), 1, *features.shape[2:])
            noise = torch.randn(shape, generator=random, device=random.device if random else features.device)
        return (noise.to(features.device) * (GAIN * self.noise_strength)).to(features.dtype)


def silence(network: nn.Module) -> None:
    """Switch the noise of all layers off, for good: it has no strength, and learns none. In place."""
    for layer in network.modules():
        if isinstance(layer, StyledConvolution):
            layer.noise_strength.data.zero_()
            layer.noise_strength.requires_grad_(False)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to colours, without demodulation."""

    def __init__(self, inputs: int, config: Config, colours: int = 3) -> None:
        super().__init__()
        self.clamp = config.clamp
        self.affine = Linear(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(colours, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(colours))

    def forward(self, features: Tensor, w: Tensor) -> Tensor:
        """Features (N, inputs, H, W) and w (N, w_dim) -> (N, colours, H, W)."""
        style = self.affine(w) / math.sqrt(self.weight.shape[1])
        features = features * style.to(features.dtype)[:, :, None, None]
        colours = F.conv2d(features, self.weight.to(features.dtype), self.bias.to(features.dtype))
        return colours if self.clamp is None else colours.clamp(-self.clamp, self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: two convolutions; their colours are added to the image so far (figure 7, "skip")."""

    def __init__(self, inputs: int, outputs: int, config: Config, resolution: int) -> None:
        super().__init__()
        self.first = resolution == 4
        self.resample_filter: Tensor
        if self.first:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        else:
            self.conv0 = StyledConvolution(inputs, outputs, config, resolution, up=True)
        self.conv1 = StyledConvolution(outputs, outputs, config, resolution, up=False)
        self.torgb = ToRGB(outputs, config)
        self.register_buffer("resample_filter", blur_kernel())

    def forward(
        self,
        features: Tensor | None,
        image: Tensor | None,
        ws: Tensor,
        noise_mode: str,
        random: torch.Generator | None,
    ) -> tuple[Tensor, Tensor]:
        """Features (N, inputs, H, W), image (N, 3, H, W), ``ws`` (N, 3, w_dim) -> features, image at 2H, 2W.

        ``ws``: a style for each convolution and one for the colours. The first block (4 px) gets neither
        features nor image, and ``ws`` (N, 2, w_dim).
        """
        if self.first:
            features = self.const.expand(len(ws), *self.const.shape)
        else:
            features = self.conv0(features, ws[:, 0], noise_mode, random)
        features = self.conv1(features, ws[:, -2], noise_mode, random)
        colours = self.torgb(features, ws[:, -1])
        return features, colours if image is None else upsample(image, self.resample_filter) + colours


class Synthesis(nn.Module):
    """The synthesis network g: w (N, num_ws, w_dim) -> images (N, 3, R, R), about in [-1, 1], not clamped."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.num_ws = config.num_ws
        self.resolutions = [4 * 2**k for k in range(len(config.channels))]
        widths = (0, *config.channels)
        for resolution, inputs, outputs in zip(self.resolutions, widths, config.channels, strict=False):
            setattr(self, f"b{resolution}", SynthesisBlock(inputs, outputs, config, resolution))

    def forward(self, ws: Tensor, noise_mode: str = "const", random: torch.Generator | None = None) -> Tensor:
        """w (N, num_ws, w_dim) -> images (N, 3, R, R).

        ``noise_mode``: the network's own noise ("const"), new noise from ``random``, or "none".
        """
        if noise_mode not in NOISE_MODES:
            raise ValueError(f"noise_mode must be one of {', '.join(NOISE_MODES)}, not {noise_mode!r}")
        if ws.ndim != 3 or ws.shape[1] != self.num_ws:
            raise ValueError(f"ws must have the shape (N, {self.num_ws}, w_dim), not {tuple(ws.shape)}")
        features: Any = None  # the first block gets neither features nor image
        image: Any = None
        for index, resolution in enumerate(self.resolutions):
            # A block's colour style is the next block's first style.
            styles = ws[:, max(0, 2 * index - 1) : 2 * index + 2]
            features, image = getattr(self, f"b{resolution}")(features, image, styles, noise_mode, random)
        return image.float()


class Generator(FaceGenerator):
    """G: z (N, z_dim) -> images (N, 3, R, R); ``mapping`` and ``synthesis`` are its two halves."""

    family = "stylegan2"
    usual_frame = "ffhq"
    latent_space = "w+"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.resolution, self.z_dim = config, config.resolution, config.z_dim
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)

    def forward(self, z: Tensor, truncation_psi: float = 1.0, noise_mode: str = "const") -> Tensor:
        """z (N, z_dim) -> images (N, 3, R, R), roughly in [-1, 1]."""
        return self.synthesis(self.mapping(z, truncation_psi), noise_mode)

    def own_settings(self) -> dict:
        """What its tensors' shapes leave open, for a weights file."""
        return {
            "clamp": self.config.clamp,
            "mapping_rate": self.config.mapping_rate,
            "group": self.config.group,
        }

    def calibrate(self, batches: int, batch: int, random: torch.Generator) -> None:
        """Nothing to estimate: it has no batch norm, and follows w's mean while it is trained."""


class Convolution(nn.Module):
    """A convolution with an equalised learning rate; halves the side if ``down``; linear without ``bias``."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, down: bool = False, bias: bool = True,
        clamp: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.down, self.clamp = down, clamp
        self.resample_filter: Tensor
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        if down:
            self.register_buffer("resample_filter", blur_kernel())

    def forward(self, features: Tensor, gain: float = 1.0) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W) or half the side; ``gain`` scales result and clamp."""
        kernel, gain_here = self.weight.shape[2], gain * (1.0 if self.bias is None else GAIN)
        weight = (self.weight * (gain_here / math.sqrt(self.weight[0].numel()))).to(features.dtype)
        bias = None if self.bias is None else (self.bias * gain_here).to(features.dtype)
        if not self.down:
            features = F.conv2d(features, weight, bias, padding=kernel // 2)
        elif kernel == 1:
            features = F.conv2d(downsample(features, self.resample_filter), weight, bias)
        else:
            features = F.conv2d(
                downsample(features, self.resample_filter, kernel // 2, 1), weight, bias, stride=2
            )
        return features if self.bias is None else activate(features, self.clamp and self.clamp * gain)


class DiscriminatorBlock(nn.Module):
    """One resolution of D: two convolutions beside a 1x1 shortcut, of preserved variance ("resnet")."""

    def __init__(self, inputs: int, outputs: int, config: Config, first: bool) -> None:
        super().__init__()
        if first:
            self.fromrgb = Convolution(3, inputs, 1, clamp=config.clamp)
        self.conv0 = Convolution(inputs, inputs, clamp=config.clamp)
        self.conv1 = Convolution(inputs, outputs, down=True, clamp=config.clamp)
        self.skip = Convolution(inputs, outputs, 1, down=True, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, inputs, H, W), first an image (N, 3, H, W) -> features (N, outputs, H/2, W/2)."""
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        shortcut = self.skip(features, math.sqrt(0.5))
        return shortcut + self.conv1(self.conv0(features), math.sqrt(0.5))


def minibatch_deviation(features: Tensor, group: int, channels: int) -> Tensor:
    """(N, C, H, W) -> (N, C + channels, H, W): maps of the deviation in each ``group`` of images are added.

    Karras et al. (2018).
    As in NVIDIA's code a group holds every (N / group)-th image. A batch that the group does not divide is
    split into groups of the largest size that does.
    """
    count, width, height, breadth = features.shape
    group = next(size for size in range(min(group, count), 0, -1) if count % size == 0)
    groups = features.float().reshape(group, -1, channels, width // channels, height, breadth)
    deviation = (
        (groups - groups.mean(0)).square().mean(0).add(1e-8).sqrt().mean((2, 3, 4))
    )  # (N / group, channels)
    maps = deviation.repeat(group, 1)[:, :, None, None].expand(-1, -1, height, breadth)
    return torch.cat([features, maps.to(features.dtype)], 1)


class Epilogue(nn.Module):
    """The last block of D, at 4x4: minibatch standard deviation, a convolution, two linear layers."""

    def __init__(self, width: int, config: Config) -> None:
        super().__init__()
        self.group, self.group_channels = config.group, config.group_channels
        self.conv = Convolution(width + config.group_channels, width, clamp=config.clamp)
        self.fc = Linear(width * 16, width, active=True)
        self.out = Linear(width, 1)

    def forward(self, features: Tensor, group: int | None) -> Tensor:
        """Features (N, width, 4, 4) -> logits (N, 1)."""
        if self.group_channels:
            features = minibatch_deviation(features, group or self.group, self.group_channels)
        return self.out(self.fc(self.conv(features).float().flatten(1)))


class Discriminator(FaceDiscriminator):
    """D: images (N, 3, R, R) in [-1, 1] -> logits (N, 1); positive means real.

    Minibatch standard deviation makes a logit depend on the other images of its group of ``group``.
    """

    family = "stylegan2"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.resolution = config, config.resolution
        self.names = []
        for index in range(len(config.channels) - 1, 0, -1):
            self.names.append(f"b{4 * 2**index}")
            widths = config.channels[index], config.channels[index - 1]
            setattr(self, self.names[-1], DiscriminatorBlock(*widths, config, first=len(self.names) == 1))
        self.b4 = Epilogue(config.channels[0], config)

    def forward(self, images: Tensor, group: int | None = None) -> Tensor:
        """Images (N, 3, R, R) -> logits (N, 1); ``group`` replaces the network's own."""
        features = images
        for name in self.names:
            features = getattr(self, name)(features)
        return self.b4(features, group)

    def logit_of_each(self, images: Tensor) -> Tensor:
        """Images (N, 3, R, R) -> logits (N, 1), each of its own image alone: in groups of one."""
        return self(images, group=1)
