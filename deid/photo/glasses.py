"""What stays of glasses beside a hidden face: their arms, which would end where the new face begins.

Whether glasses are worn is told by what is visible (``glasses_network``). An arm is then the line that stands
out most, from the edge of the hole beside an eye outwards; what lies above and below is continued over it.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import alignment, blending, glasses_network
from deid.photo.colour import lab

SIDE, LONG = 64, 24  # pixels of a view beside an eye, and of it outwards from the edge of the hole
UNIT = 48  # of these pixels to an eye distance
FIRST = 0.72  # where a view begins, in eye distances from between the eyes: always in the hole
LEFT, RIGHT = -1, 1
LEAST = 12  # pixels of a photo between the eyes: of smaller faces arms are not seen
WORN, BESIDE = 1.0, 1.0  # logits: of both sides together, and of a side that has an arm
THICK = (2, 3, 5, 7)  # pixels
ABOVE, BELOW = 10, 6  # pixels from the height of the eyes, between which an arm leaves the hole
# How much an arm stands out, of the L* around it: at its beginning, which is straight and not steep; where
# it has ended, for some pixels. Of what is light less counts: skin shines.
START, CLEAR, FAINT, BREAK, SHINY = 8, 0.15, 0.1, 3, 0.7
APART = 20.0  # colour difference of what lies above and below: more, and the line is the edge of something
BENT, STEEP = 2.0, 0.7
SLANT = 0.03  # what a step to another row costs
FURTHER = 0.2  # what contrast beyond the beginning counts where an arm is looked for: hats have lines as well
SOFT = 1.5  # pixels to both sides of an arm: it is blurred


class Beside(NamedTuple):
    """What lies beside an eye, outwards to the right: ``pixels`` (1, 3, S, S), and what is ``hidden`` (S, S).

    ``matrix`` (2, 3) maps it to the photo.
    """

    pixels: Tensor
    hidden: Tensor
    matrix: Tensor

    @property
    def strip(self) -> Tensor:
        """What the network sees of it, (1, 4, 32, 48)."""
        top = (SIDE - glasses_network.HEIGHT) // 2
        part = (..., slice(top, top + glasses_network.HEIGHT), slice(glasses_network.WIDTH))
        hidden = self.hidden[None, None].to(self.pixels)
        return glasses_network.seen(self.pixels[part], hidden[part])


class Arm(NamedTuple):
    """An arm's middle line (N, 2), x and y in pixels of the photo, and how far it reaches to both sides."""

    line: Tensor
    reach: float


def remove_arms(pixels: Tensor, hidden: Tensor, landmarks: Tensor, place: Tensor) -> list[Arm]:
    """Paint over the arms of glasses beside one hole of a photo (1, 3, H, W), in place -> what was painted.

    ``hidden`` (1, 1, H, W) as 0 or 1: pixels that are never looked at, and stay. ``landmarks`` (5, 2) of the
    hidden face lie in a frame, which ``place`` (2, 3) maps to the photo.
    """
    found = arms(pixels, hidden, landmarks, place)
    for arm in found:
        _paint(pixels, hidden, arm)
    return found


def arms(pixels: Tensor, hidden: Tensor, landmarks: Tensor, place: Tensor) -> list[Arm]:
    """The arms that are seen beside a hidden face, at most two; arguments as in ``remove_arms``."""
    both = views(pixels, hidden, landmarks, place)
    if alignment.scale(both[0].matrix) * UNIT < LEAST:
        return []
    speak = glasses_network.worn(torch.cat([view.strip for view in both]))
    if speak.sum() < WORN:
        return []
    found = [_arm(view) for view, each in zip(both, speak, strict=True) if each > BESIDE]
    return [arm for arm in found if arm]


def views(pixels: Tensor, hidden: Tensor, landmarks: Tensor, place: Tensor) -> tuple[Beside, Beside]:
    """What lies to the left and to the right of a hidden face; arguments as in ``remove_arms``."""
    found = []
    for side in (LEFT, RIGHT):
        matrix = _placed(landmarks, place, side)
        view, unseen = (alignment.crop(part, matrix, SIDE) for part in (pixels, hidden))
        found.append(Beside(view, unseen[0, 0] > 1e-4, matrix))
    return found[0], found[1]


def _placed(landmarks: Tensor, place: Tensor, side: int) -> Tensor:
    """The matrix (2, 3) from a view, whose x runs outwards, to the photo."""
    points = landmarks.to(place)
    eyes, across = points[:2].mean(0), points[1] - points[0]
    down = points[3:].mean(0) - eyes
    unit = torch.maximum(across.norm(), down.norm() / 1.06).clamp(min=1e-6)
    across = across / across.norm().clamp(min=1e-6)
    down = torch.stack([-across[1], across[0]])
    step = unit / UNIT
    start = eyes + side * FIRST * unit * across - SIDE / 2 * step * down
    matrix = place[:, :2] @ torch.stack([side * step * across, step * down, start], 1)
    matrix[:, 2] += place[:, 2]
    return matrix


def _arm(view: Beside) -> Arm | None:
    """The arm in a view of someone who wears glasses; None where no line stands out."""
    first = torch.where(view.hidden, torch.arange(SIDE), -1).amax(1) + 2  # of each row, beside the hole
    columns = first[:, None] + torch.arange(LONG)
    places = columns.clamp(max=SIDE - 1)
    contrast, thick = _lines(lab(view.pixels)[0].gather(2, places.expand(3, -1, -1)))
    contrast = contrast * (columns < SIDE)
    rows = _clearest(contrast * torch.where(torch.arange(LONG) < START, 1.0, FURTHER))
    along = contrast[rows, torch.arange(LONG)]
    if not (along[:START].mean() > CLEAR and _straight(rows[:START].float())):
        return None
    line = torch.stack([first[rows] + torch.arange(LONG), rows], 1)[: _length(along)].to(view.matrix)
    line[0, 0] -= 2  # up to the hole
    reach = thick[rows, torch.arange(LONG)][:START].median().item() / 2 + SOFT
    return Arm(alignment.apply(view.matrix, line), reach * alignment.scale(view.matrix))


def _lines(colours: Tensor) -> tuple[Tensor, Tensor]:
    """How much each place of L*a*b* (3, S, N) stands out from above and below, and how thick that is.

    (S, N) each. Only L* is compared.
    """
    best, thick = torch.zeros(2, *colours.shape[1:])
    for wide in THICK:
        away, reach = wide + max(1, wide // 2), 2 * wide + max(1, wide // 2)
        means = F.avg_pool2d(F.pad(colours[None], (0, 0, reach, reach), mode="replicate"), (wide, 1), 1)[0]
        above, here, below = (
            means[:, start : start + colours.shape[1]]
            for start in (reach - wide // 2 + step for step in (-away, 0, away))
        )
        darker, lighter = torch.minimum(above[0], below[0]), torch.maximum(above[0], below[0])
        out = torch.maximum(darker - here[0], SHINY * (here[0] - lighter))
        contrast = out.clamp(0, 25) / lighter.clamp(min=25) * ((above - below).norm(dim=0) < APART)
        thick = torch.where(contrast > best, wide, thick)
        best = torch.maximum(best, contrast)
    return best, thick


def _clearest(contrast: Tensor) -> Tensor:
    """The rows (N,) of the line through (S, N) with the most contrast (dynamic programming; Amini, 1990)."""
    score = torch.full((SIDE,), -torch.inf)
    start = slice(SIDE // 2 - ABOVE, SIDE // 2 + BELOW)
    score[start] = contrast[start, 0]
    steps = []
    for column in range(1, contrast.shape[1]):
        near = F.pad(score, (1, 1), value=-torch.inf)
        score, step = torch.stack([near[1:-1], near[:-2] - SLANT, near[2:] - SLANT]).max(0)
        score = score + contrast[:, column]
        steps.append(step)
    rows = [int(score.argmax())]
    for step in reversed(steps):
        rows.append(rows[-1] + (0, -1, 1)[int(step[rows[-1]])])
    return torch.tensor(rows[::-1])


def _straight(heights: Tensor) -> bool:
    """Whether a line through these heights (N,), a pixel apart, is straight and not steep."""
    away = torch.arange(len(heights)) - (len(heights) - 1) / 2
    slope = (away * heights).sum() / away.square().sum()
    bent = (heights - heights.mean() - slope * away).abs().max()
    return bool(bent <= BENT and slope.abs() <= STEEP)


def _length(along: Tensor) -> int:
    """How many pixels of a line belong to an arm."""
    ends = F.avg_pool1d((along < FAINT).float()[None], BREAK, 1)[0] == 1
    return max(BREAK, int(ends.float().argmax())) if ends.any() else len(along)


def _paint(pixels: Tensor, hidden: Tensor, arm: Arm) -> None:
    """Continue what lies around an arm over it, in a photo (1, 3, H, W)."""
    low, high = arm.line.min(0).values - 2 * arm.reach, arm.line.max(0).values + 2 * arm.reach
    left, top = (max(0, math.floor(edge)) for edge in low.tolist())
    right, bottom = (max(0, math.ceil(edge)) for edge in high.tolist())
    part = (..., slice(top, bottom), slice(left, right))
    area, unseen = pixels[part], hidden[part][0, 0] > 0.5
    if not area.numel():
        return
    y, x = (torch.arange(side) + start for side, start in zip(area.shape[2:], (top, left), strict=True))
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).to(arm.line)
    near = torch.cdist(places.flatten(0, 1), arm.line).amin(1).view(unseen.shape) <= arm.reach
    whole = blending.bridged(area, near | unseen)
    area.copy_(torch.where(near & ~unseen, whole, area))
