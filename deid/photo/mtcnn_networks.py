"""The three networks of MTCNN (Zhang et al., 2016, arXiv 1604.02878), with the weights of facenet-pytorch.

That package is only read from: its import takes longer than a photo does, as it imports all of torchvision.
"""

import importlib.util
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Convolutions with learned leaks (PReLU; He et al., 2015) and maximum pooling, then what is wanted:
    two scores, a correction of the box, and five points from the last network.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        kernels: tuple[int, ...],
        pools: tuple[int, ...],
        dense: tuple[int, int] | None,
        *heads: int,
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, side) for a, b, side in zip(widths, widths[1:], kernels, strict=False)
        )
        self.leaks = nn.ModuleList(nn.PReLU(width) for width in widths[1:])
        self.pools = pools
        self.dense = nn.Sequential(nn.Linear(*dense), nn.PReLU(dense[1])) if dense else None
        last = (lambda n: nn.Linear(dense[1], n)) if dense else (lambda n: nn.Conv2d(widths[-1], n, 1))
        self.heads = nn.ModuleList(last(n) for n in heads)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> scores (N, ...), then corrections and points (N, C, ...)."""
        features = images
        for convolution, leak, side in zip(self.convolutions, self.leaks, self.pools, strict=True):
            features = leak(convolution(features))
            if side:
                features = _pooled(_pooled(features, side, 2), side, 3)
        if self.dense:
            features = self.dense(features.permute(0, 3, 2, 1).flatten(1))
        scores, *others = (head(features) for head in self.heads)
        return [scores.softmax(1)[:, 1], *others]

    def load(self, path: Path) -> "Network":
        """Read weights: layers in their order, whatever they are called."""
        stored = list(torch.load(path, map_location="cpu", weights_only=True).values())
        own: list[nn.Module] = []
        for convolution, leak in zip(self.convolutions, self.leaks, strict=True):
            own += [convolution, leak]
        own += [*(self.dense or []), *self.heads]
        parameters = [parameter for layer in own for parameter in layer.parameters()]
        with torch.no_grad():
            for parameter, value in zip(parameters, stored, strict=True):
                parameter.copy_(value)
        return self.eval().requires_grad_(False)


def _pooled(features: Tensor, side: int, axis: int) -> Tensor:
    """The maximum of each ``side`` rows (axis 2) or columns (3), every two of them; the last may be fewer.

    ``F.max_pool2d`` with a stride of 2 and ``ceil_mode``, along one axis: several times faster, as it does
    not remember where each maximum was.
    """
    starts = -(-(features.shape[axis] - side) // 2) + 1
    first, *others = (features[(slice(None),) * axis + (slice(k, None, 2),)] for k in range(side))
    found = first.narrow(axis, 0, starts)
    for other in others:
        count = min(starts, other.shape[axis])
        larger = torch.maximum(found.narrow(axis, 0, count), other.narrow(axis, 0, count))
        found = (
            larger
            if count == starts
            else torch.cat([larger, found.narrow(axis, count, starts - count)], axis)
        )
    return found


@lru_cache(maxsize=2)
def networks(device: str = "cpu") -> tuple[Network, Network, Network]:
    """The three networks: P-Net, R-Net and O-Net."""
    made = {
        "pnet": Network((3, 10, 16, 32), (3, 3, 3), (2, 0, 0), None, 2, 4),
        "rnet": Network((3, 28, 48, 64), (3, 3, 2), (3, 3, 0), (576, 128), 2, 4),
        "onet": Network((3, 32, 64, 64, 128), (3, 3, 3, 2), (3, 3, 2, 0), (1152, 256), 2, 4, 10),
    }
    package = importlib.util.find_spec("facenet_pytorch")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(
            "facenet-pytorch is missing, whose weights are used: pip install facenet-pytorch"
        )
    folder = Path(package.submodule_search_locations[0]) / "data"
    first, second, third = (network.load(folder / f"{name}.pt").to(device) for name, network in made.items())
    return first, second, third
