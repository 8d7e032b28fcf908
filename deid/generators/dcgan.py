"""DCGAN at 64x64: the generator and discriminator of Radford, Metz & Chintala (2016), arXiv 1511.06434.

Parameter names and shapes are those of PyTorch's own DCGAN tutorial (``main.0.weight`` ...), so a
state dict trained there loads here and the other way round.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from deid.generators.interface import FaceDiscriminator, FaceGenerator


def initialize_weights(module: nn.Module) -> None:
    """Draw convolutions from N(0, 0.02) and batch-norm scales from N(1, 0.02) (Radford et al., section 4)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Generator(FaceGenerator):
    """G: z (N, z_dim) or (N, z_dim, 1, 1) -> images (N, 3, 64, 64) in [-1, 1]."""

    family = "dcgan"
    usual_frame = "deid"
    latent_space = "z"
    resolution = 64

    def __init__(self, z_dim: int = 100, channels: int = 64) -> None:
        super().__init__()
        self.z_dim, self.channels = z_dim, channels
        widths = [channels * 8, channels * 4, channels * 2, channels]
        layers: list[nn.Module] = [nn.ConvTranspose2d(z_dim, widths[0], 4, 1, 0, bias=False)]
        for wide, narrow in zip(widths, widths[1:], strict=False):
            layers += [
                nn.BatchNorm2d(wide),
                nn.ReLU(True),
                nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
            ]
        layers += [
            nn.BatchNorm2d(channels),
            nn.ReLU(True),
            nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False),
        ]
        layers += [nn.Tanh()]
        self.main = nn.Sequential(*layers)
        self.apply(initialize_weights)

    def forward(self, z: Tensor) -> Tensor:
        """z (N, z_dim) or (N, z_dim, 1, 1) -> images (N, 3, 64, 64) in [-1, 1]."""
        return self.main(z.reshape(len(z), self.z_dim, 1, 1))

    @torch.no_grad()
    def calibrate(self, batches: int, batch: int, random: torch.Generator) -> None:
        """Estimate batch norm's statistics again, over ``batches`` of ``batch`` samples. In place."""
        norms = [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a cumulative mean
        device, before = next(self.parameters()).device, self.training
        self.train()
        for _ in range(batches):
            self(self.sample_z(batch, random).to(device))
        self.train(before)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


class Discriminator(FaceDiscriminator):
    """D: images (N, 3, 64, 64) in [-1, 1] -> logits (N,); positive means real.

    ``norm="batch"`` is the paper's network. ``norm="spectral"`` keeps the layers and drops batch norm for
    spectral normalisation (Miyato et al., 2018, arXiv 1802.05957): its logit for an image then does not
    depend on the other images of the batch, which is what a perceptual loss on a search batch needs.
    """

    family = "dcgan"
    resolution = 64

    def __init__(self, channels: int = 64, norm: str = "batch") -> None:
        super().__init__()
        if norm not in ("batch", "spectral", "none"):
            raise ValueError(f"norm must be 'batch', 'spectral' or 'none', not {norm!r}")
        self.channels, self.norm = channels, norm
        widths = [3, channels, channels * 2, channels * 4, channels * 8]
        layers: list[nn.Module] = []
        for index, (narrow, wide) in enumerate(zip(widths, widths[1:], strict=False)):
            layers.append(nn.Conv2d(narrow, wide, 4, 2, 1, bias=False))
            if index > 0:
                # Identity stands where a norm would: layers have the tutorial's numbers with every ``norm``.
                layers.append(nn.BatchNorm2d(wide) if norm == "batch" else nn.Identity())
            layers.append(nn.LeakyReLU(0.2, True))
        layers.append(nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False))
        self.main = nn.Sequential(*layers)
        self.apply(initialize_weights)
        if norm == "spectral":
            self.normalize()

    def normalize(self) -> None:
        """Divide each kernel by its largest singular value from here on: spectral normalisation."""
        self.norm = "spectral"
        for layer in self.main:
            if isinstance(layer, nn.Conv2d):
                parametrizations.spectral_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, 64, 64) -> logits (N,)."""
        return self.main(images).flatten()

    def logit_of_each(self, images: Tensor) -> Tensor:
        """Images (N, 3, 64, 64) -> logits (N,), each of its own image alone.

        In training mode this does not hold for ``norm="batch"``.
        """
        return self(images)

    def plain_state_dict(self) -> dict[str, Tensor]:
        """State dict in the tutorial's layout: spectral normalisation is folded into the weights."""
        plain = {}
        for index, layer in enumerate(self.main):
            if isinstance(layer, nn.Conv2d) and parametrize.is_parametrized(layer):
                plain[f"main.{index}.weight"] = layer.weight.detach().clone()
            else:
                plain |= {f"main.{index}.{name}": value for name, value in layer.state_dict().items()}
        return plain
