"""A small network that joins a reference to a photo: its light, and what lies between it and the hole's edge.

It sees what is visible of a frame at 128 px and the reference where that is shown, and draws the hole. It has
learned from faces that were disturbed and put back (``training.refining``), so that it knows how a cheek goes
on into a neck, and how bright a face is between a forehead and ears that are seen. It draws at 128 px: what
is finer is the reference's. After Cong et al. (2020), "DoveNet" (arXiv 1911.13239), which harmonises a
foreground, and Iizuka et al. (2017), "Globally and Locally Consistent Image Completion", which fills holes.
"""

from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from deid.photo.blending import gaussian
from deid.photo.colour import exposed, exposure
from deid.photo.masks import dilate
from deid.photo.resampling import shrink
from deid.references import colouring

WEIGHTS = Path(__file__).with_suffix(".safetensors")
SIDE = 128  # of what the network sees and draws
CONDITIONS = 3 + 1 + 3 + 1
PATCH = 2  # its finest features are of so many pixels
NEAR, BLUR = 2, 1.5  # pixels to both sides of an edge, and how much is blurred there
WIDTHS = (32, 72, 128, 160)  # at 64, 32, 16 and 8 px


class Refiner(nn.Module):
    """A U-Net from conditions (N, 8, 128, 128) to frames (N, 3, 128, 128), not clamped."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Conv2d(CONDITIONS * PATCH**2, WIDTHS[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(wide, deep, 3, 2, 1) for wide, deep in zip(WIDTHS, WIDTHS[1:], strict=False)
        )
        self.seen = nn.ModuleList(_Block(width) for width in WIDTHS)
        self.whole = nn.Linear(WIDTHS[-1], WIDTHS[-1])
        self.deepest = _Block(WIDTHS[-1])
        self.up = nn.ModuleList(
            nn.Conv2d(deep, wide, 1) for wide, deep in zip(WIDTHS, WIDTHS[1:], strict=False)
        )
        self.drawn = nn.ModuleList(_Block(width) for width in WIDTHS[:-1])
        self.write = nn.Conv2d(WIDTHS[0], 3 * PATCH**2, 3, padding=1)

    def forward(self, given: Tensor) -> Tensor:
        """Conditions (N, 8, 128, 128) -> frames (N, 3, 128, 128)."""
        features = self.seen[0](self.read(F.pixel_unshuffle(given, PATCH)))
        levels = [features]
        for down, block in zip(self.down, self.seen[1:], strict=True):
            features = block(down(features))
            levels.append(features)
        features = features + self.whole(features.mean((2, 3)))[..., None, None]
        features = self.deepest(features)
        for level in range(len(self.up) - 1, -1, -1):
            features = levels[level] + _doubled(self.up[level](features))
            features = self.drawn[level](features)
        known = given[:, :3] + given[:, 4:7]  # where nothing is seen and no reference shown, the middle grey
        return known.float() + F.pixel_shuffle(self.write(features).float(), PATCH)


class _Block(nn.Module):
    """Two convolutions beside the identity (He et al., 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.silu(self.first(F.silu(features))))


def conditions(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """All that the network sees, (N, 8, 128, 128), of frames and references (N, 3, S, S) in [-1, 1].

    ``visible`` (N, 1, S, S) as 0 or 1: where ``frame`` is seen; its other pixels are multiplied by zero.
    ``weight`` (N, 1, S, S) as 0 or 1: where the reference is shown; nothing else of it is looked at.
    """
    size = frame.shape[3]
    seen = 1 - F.max_pool2d(1 - visible, size // SIDE) if size > SIDE else visible
    share = shrunk(weight)
    shown, picture = share * (1 - seen), shrunk(reference * weight) / share.clamp(min=1e-3)
    return torch.cat([shrunk(frame * visible) * seen, seen, picture * shown, shown], 1)


def draw(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """A frame (1, 3, S, S) with the reference (1, 3, S, S) joined to it: (1, 3, 128, 128) in [-1, 1].

    ``visible`` and ``weight`` as in ``conditions``. The network has learned from photos that are not dark: a
    dark one is brightened for it, and what it draws is darkened again.
    """
    return drawn(conditions(frame, visible, reference, weight))


@torch.no_grad()
def drawn(given: Tensor) -> Tensor:
    """The same for ``conditions`` (1, 8, 128, 128)."""
    seen = given[:, 3:4]
    gain = exposure(given[:, :3], seen)
    given = torch.cat([exposed(given[:, :3], gain) * seen, given[:, 3:]], 1)
    shown = (given[:, 7:] > 0.5).float()
    made = _without_edges(load()(given).clamp(-1, 1), seen, shown)
    return exposed(colouring.coloured(made, given[:, :3], seen, given[:, 4:7], shown), 1 / gain)


def _without_edges(drawn: Tensor, *masks: Tensor) -> Tensor:
    """What was drawn (1, 3, 128, 128), a little blurred along the edges of ``masks`` (1, 1, 128, 128).

    The network leaves a line of single pixels where what it is given begins and ends.
    """
    lines = [dilate(mask, NEAR) * dilate(1 - mask, NEAR) for mask in masks]
    share = gaussian(torch.cat(lines, 1).amax(1, keepdim=True), 1.0)
    return drawn + share * (gaussian(drawn, BLUR) - drawn)


def read(path: str | Path) -> dict[str, Tensor]:
    """The weights in a file, in single precision."""
    return {name: value.float() for name, value in load_file(path).items()}


@lru_cache(maxsize=1)
def load() -> Refiner:
    """The network that ships, ready to use."""
    network = Refiner()
    network.load_state_dict(read(WEIGHTS))
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def shrunk(images: Tensor) -> Tensor:
    """Images (N, C, S, S) as means of pixels, (N, C, 128, 128)."""
    return shrink(images, SIDE)


def shown(images: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Images (1, 3, S, S) at 128 px, as means inside ``weight`` (1, 1, S, S) only, and its share there."""
    share = shrunk(weight)
    means = shrunk(images * weight) / share.clamp(min=1e-3)
    return torch.where(share > 1e-3, means, shrunk(images)), share


def low(images: Tensor, share: Tensor, spread: float) -> Tensor:
    """Means of images (1, 3, 128, 128) around each pixel, by their ``share`` (1, 1, 128, 128) of a face."""
    both = gaussian(torch.cat([images * share, share], 1), spread * SIDE)
    around = both[:, 3:]
    return torch.where(around > 1e-3, both[:, :3] / around.clamp(min=1e-3), images)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
