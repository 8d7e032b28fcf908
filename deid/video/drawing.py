"""The last way through a clip: each frame's faces hidden and drawn, and what would flicker held."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import compositing, obfuscation, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome, Target
from deid.photo import images, masks
from deid.photo.blending import gaussian
from deid.photo.resampling import enlarge
from deid.video.disguises import Disguise
from deid.video.paths import Path

SIDE = 32  # pixels of a face in which light is compared
MEMORY = 0.8  # share of the light that comes from earlier frames
SUDDEN = 0.15  # no more may a face's light differ from what this frame says: lamps are switched
INSIDE = "face-80"  # of a mask: at the rim of a hole the surroundings decide


class Painted(NamedTuple):
    """A frame (H, W, 3) uint8 whose faces are hidden, and which pixels were, (H, W) boolean."""

    pixels: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True, eq=False)
class Role:
    """A track on its way through the clip: where its face is, and what it is hidden behind."""

    path: Path
    disguise: Disguise


class Painter:
    """Draws frame after frame, in order; remembers of earlier ones each track's light and last fill."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.light: dict[int, Tensor] = {}
        self.fills: dict[int, Tensor] = {}

    def paint(self, pixels: np.ndarray, shown: dict[int, Target]) -> Painted:
        """A frame (H, W, 3) uint8 with what its faces are to be, ``shown``: targets by track."""
        size = pixels.shape[1], pixels.shape[0]
        # One that has left is followed for a while.
        shown = {name: one for name, one in shown.items() if compositing.hole_of(one, size)[1].any()}
        if not shown:
            return Painted(pixels, np.zeros(pixels.shape[:2], bool))
        photo = images.from_uint8(pixels)
        for memory in (self.light, self.fills):
            for name in memory.keys() - shown.keys():
                del memory[name]
        names = sorted(shown, key=lambda name: shown[name].face.size)  # far ones first
        targets = [shown[name] for name in names]
        if self.options.draws:
            made, hidden = self._drawn(photo, names, targets)
        else:
            made, hidden = obfuscation.obfuscate(
                photo, targets, [Outcome() for _ in targets], self.options.strength
            )[0]
        return Painted(images.to_uint8(made)[0], hidden[0, 0].numpy() > 0.5)

    def _drawn(self, photo: Tensor, names: list[int], targets: list[Target]) -> tuple[Tensor, Tensor]:
        draft = synthesis.finish(synthesis.draw(Draft.of(photo, targets), self.options))
        for index, name in enumerate(names):
            target, outcome = draft.targets[index], draft.outcomes[index]
            if targets[index].black:
                continue
            if target.black and name in self.fills:  # not in this frame: the last fill goes on
                draft = draft.at(index, targets[index], replace(outcome, fill=self.fills[name]))
            elif outcome.fill is not None:
                fill = self._steadied(name, outcome.fill, target)
                self.fills[name] = fill
                draft = draft.at(index, target, replace(outcome, fill=fill))
        draft = synthesis.settle(draft, photo, self.options)
        return draft.finished(), draft.scene.hidden

    def _steadied(self, name: int, fill: Tensor, target: Target) -> Tensor:
        """A fill (1, 3, S, S) in the light that its track had in the frames before."""
        size = fill.shape[3]
        inside = 1 - masks.frame_mask(INSIDE, target.landmarks * (SIDE / size), SIDE)
        own = F.interpolate(fill, (SIDE, SIDE), mode="area")
        before = self.light.get(name, own)
        mean = own + (MEMORY * (before - own)).clamp(-SUDDEN, SUDDEN)
        self.light[name] = mean
        return (fill + enlarge(gaussian(inside, 1.5) * (mean - own), size)).clamp(-1, 1)


def targets_at(frame: int, roles: Sequence[Role], options: Options) -> dict[int, Target]:
    """What is to be shown in a frame, by track."""
    shown = {}
    for name, role in enumerate(roles):
        path = role.path
        if path.first <= frame < path.end:
            lost = bool(path.lost[frame - path.first])
            shown[name] = role.disguise.target(path.face(frame), options, lost)
    return shown


def covers(hidden: np.ndarray, landmarks: Tensor) -> float:
    """The share of landmarks (K, 2) in the frame that ``hidden`` (H, W) covers; 1 where none is in it."""
    x, y = landmarks.round().long().unbind(1)
    inside = (x >= 0) & (x < hidden.shape[1]) & (y >= 0) & (y < hidden.shape[0])
    return float(torch.from_numpy(hidden[y[inside], x[inside]]).float().mean()) if inside.any() else 1.0
