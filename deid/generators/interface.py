"""What every generator and every discriminator says about itself, whatever its family."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class FaceGenerator(nn.Module):
    """A network that draws faces. Those that draw from a latent alone have ``forward(z)`` -> (N, 3, R, R).

    ``usual_frame``: the frame of its family's training faces. ``latent_space``: the space that a search moves
    in (empty: none). ``facts``: what its weights file says.
    """

    family: ClassVar[str]
    usual_frame: ClassVar[str]
    latent_space: ClassVar[str] = ""

    resolution: int
    z_dim: int
    facts: dict[str, Any]

    def sample_z(self, count: int, random: torch.Generator) -> Tensor:
        """Latents (count, z_dim) from the standard normal prior, drawn on the device of ``random``."""
        return torch.randn(count, self.z_dim, generator=random, device=random.device)

    def own_settings(self) -> dict[str, Any]:
        """What its tensors' shapes leave open, for a weights file; nothing by default."""
        return {}

    def calibrate(self, batches: int, batch: int, random: torch.Generator) -> None:
        """Estimate what depends on the weights, from ``batches`` of ``batch`` samples. In place."""


class FaceDiscriminator(nn.Module):
    """A network that tells real faces from drawn ones."""

    family: ClassVar[str]

    resolution: int
    facts: dict[str, Any]

    def plain_state_dict(self) -> dict[str, Tensor]:
        """The state dict, as weights files hold it."""
        return self.state_dict()
