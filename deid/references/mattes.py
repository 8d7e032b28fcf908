"""Where a crop shows the face's own skin: not hair, hat, hand or background."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import lab
from deid.photo.masks import dilate, hides

SIDE = 128
LEAST = (12.0, 4.0, 4.5)  # what skin varies by at least, in L*, a* and b*
MORE = (6.0, 2.5, 2.5)  # and how much more where a spot itself varies
STRANGE = 9.0  # a spot whose hue is this far from the others' is not skin
TURNED = 0.25
# How far a colour may be from skin's, in such units, within each outline of a face.
LIMITS = {"face-80": 3.2, "face": 2.4, "face-120": 1.7, "face-140": 1.2}


def turn(landmarks: Tensor) -> float:
    """Where the nose lies between the cheeks: 0 in the middle; far off it hides the right or left one."""
    left, right = _cheeks(landmarks)
    across = right - left
    return ((landmarks[2] - (left + right) / 2) @ across / across.square().sum().clamp(min=1e-6)).item()


def spots(landmarks: Tensor) -> Tensor:
    """Where skin is bare on most faces: both cheeks, beside the nose, between the eyes; (5, 2) -> (5, 2).

    Of a head turned far to the side only the near side's.
    """
    nose, (left, right) = landmarks[2], _cheeks(landmarks)
    turned = turn(landmarks)
    if abs(turned) <= TURNED:
        between = (landmarks[:2].mean(0) + nose) / 2
        return torch.stack([left, (left + nose) / 2, right, (right + nose) / 2, between])
    cheek = left if turned > 0 else right
    return torch.stack([cheek + share * (cheek - nose) for share in (-0.5, -0.25, 0.0, 0.15, 0.3)])


def _cheeks(landmarks: Tensor) -> tuple[Tensor, Tensor]:
    left_eye, right_eye, _, left_mouth, right_mouth = landmarks
    return left_eye + 0.62 * (left_mouth - left_eye), right_eye + 0.62 * (right_mouth - right_eye)


def patches(colours: Tensor, landmarks: Tensor, reach: int = 3) -> Tensor:
    """Lab (1, 3, S, S) around the ``spots``; ``landmarks`` are fractions of the side -> (5, 3, P)."""
    side = colours.shape[3]
    places = (spots(landmarks) * side).round().long().clamp(reach, side - reach - 1).tolist()
    return torch.stack(
        [colours[0, :, y - reach : y + reach + 1, x - reach : x + reach + 1].flatten(1) for x, y in places]
    )


def matte(crop: Tensor, landmarks: Tensor) -> Tensor:
    """The face's own skin with its eyes, brows and mouth, (1, 1, 128, 128), soft from 0 to 1.

    ``crop`` (1, 3, S, S), ``landmarks`` (5, 2) as fractions of its side. Skin is what has the colour of one
    of the ``spots``: the further out, the nearer it must be.
    """
    colours = gaussian(lab(F.interpolate(crop, (SIDE, SIDE), mode="area")), 0.7)
    near = patches(colours, landmarks)
    hue = near[:, 1:].median(2).values
    strange = (hue - hue.median(0).values).norm(dim=1)
    near = near[strange <= strange.min().clamp(min=STRANGE)]
    middle = near.median(2).values[..., None, None]
    spread = (near - middle[..., 0]).abs().median(2).values[..., None, None]
    spread = torch.minimum(1.48 * spread, _column(MORE)) + _column(LEAST)
    distance = ((colours - middle) / spread).square().sum(1).sqrt().min(0).values
    points = landmarks.double() * SIDE - 0.5
    likely = torch.zeros(1, 1, SIDE, SIDE)
    for outline, most in LIMITS.items():
        likely = torch.maximum(likely, (distance < most) * hides(outline, _grid(), points, SIDE))
    whole = _open(torch.maximum(_close(likely, 2), _features(landmarks)), 2)
    return gaussian(_filled(_holding(whole, landmarks)), 0.8).clamp(0, 1)


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values)[:, None, None]


def _grid() -> Tensor:
    steps = torch.arange(SIDE, dtype=torch.float64)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x, y], -1)


def _features(landmarks: Tensor) -> Tensor:
    """Eyes, brows, nose, mouth and chin (1, 1, 128, 128): they belong to a face, whatever their colour."""
    points = landmarks.double() * SIDE - 0.5
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across = (points[1] - points[0]).norm()
    unit = torch.maximum(across, (mouth - eyes).norm() / 1.06)
    narrow = (across / unit).clamp(min=0.3)  # of a turned head
    down = (mouth - eyes) / unit
    grid, found = _grid(), torch.zeros(SIDE, SIDE, dtype=torch.bool)
    turned = turn(landmarks)
    near = [k for k in (0, 1) if abs(turned) <= TURNED or k == int(turned < 0)]
    for centre, wide, high in (
        *((points[k] - 0.12 * unit * down, 0.36, 0.30) for k in near),
        ((points[2] + eyes) / 2, 0.3, 0.45),
        (mouth, 0.52, 0.35),
        (mouth + 0.25 * unit * down, 0.48, 0.42),
    ):
        away = (grid - centre) / (torch.stack([wide * narrow, torch.tensor(high)]) * unit)
        found |= away.square().sum(-1) < 1
    return found.float()[None, None]


def _close(mask: Tensor, reach: int) -> Tensor:
    return 1 - dilate(1 - dilate(mask, reach), reach)


def _open(mask: Tensor, reach: int) -> Tensor:
    return dilate(1 - dilate(1 - mask, reach), reach)


def _holding(mask: Tensor, landmarks: Tensor) -> Tensor:
    """The connected parts of a mask (1, 1, S, S) that hold the nose or one of the ``spots``."""
    starts = (torch.cat([landmarks[2:3], spots(landmarks)]) * SIDE).long().clamp(0, SIDE - 1)
    part = torch.zeros_like(mask)
    part[0, 0, starts[:, 1], starts[:, 0]] = 1
    part = part * mask
    while not torch.equal(grown := dilate(part, 2) * mask, part):
        part = grown
    return part


def _filled(mask: Tensor) -> Tensor:
    """A mask (1, 1, S, S) without holes: what cannot be reached from the border belongs to the face."""
    outside = F.pad(torch.zeros_like(mask[..., 1:-1, 1:-1]), (1, 1, 1, 1), value=1.0) * (1 - mask)
    while not torch.equal(grown := dilate(outside, 1) * (1 - mask), outside):
        outside = grown
    return 1 - outside
