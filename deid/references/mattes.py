"""Where a crop shows the face's own skin: not hair, hat, hand or background."""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import lab
from deid.photo.masks import dilate, hides

SIDE = 128
LEAST = (9.0, 4.5, 5.0)  # what skin varies by at least, in L*, a* and b*


def spots(landmarks: Tensor) -> Tensor:
    """Where skin is bare on most faces: both cheeks, beside the nose, between the eyes; (5, 2) -> (5, 2)."""
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks
    middle = (left_eye + right_eye) / 2
    left, right = left_eye + 0.62 * (left_mouth - left_eye), right_eye + 0.62 * (right_mouth - right_eye)
    return torch.stack([left, right, (left + nose) / 2, (right + nose) / 2, (middle + nose) / 2])


def samples(colours: Tensor, landmarks: Tensor, reach: int = 3) -> Tensor:
    """Lab (1, 3, S, S) around the ``spots``; ``landmarks`` are fractions of the side -> (3, P)."""
    side = colours.shape[3]
    parts = []
    for x, y in (spots(landmarks) * side).round().long().clamp(reach, side - reach - 1).tolist():
        parts.append(colours[0, :, y - reach : y + reach + 1, x - reach : x + reach + 1].flatten(1))
    return torch.cat(parts, 1)


def matte(crop: Tensor, landmarks: Tensor) -> Tensor:
    """The face's own skin with its eyes, brows and mouth, (1, 1, 128, 128), soft from 0 to 1.

    ``crop`` (1, 3, S, S), ``landmarks`` (5, 2) as fractions of its side.
    """
    view = F.interpolate(crop, (SIDE, SIDE), mode="area")
    colours = gaussian(lab(view), 0.7)
    skin = samples(colours, landmarks)
    middle = skin.median(1).values
    spread = 1.48 * (skin - middle[:, None]).abs().median(1).values + torch.tensor(LEAST)
    weights = torch.tensor([0.6, 1.0, 1.0])  # light changes across a face, its hue does not
    distance = (((colours[0] - middle[:, None, None]) / spread[:, None, None]) ** 2).mul(
        weights[:, None, None]
    ).sum(0)
    likely = (distance.sqrt() < 3.2).float()[None, None]
    features = _features(landmarks)
    whole = torch.maximum(_close(likely, 2), features)
    whole = _open(whole, 2)
    face = _holding(whole * _within(landmarks), landmarks)
    return gaussian(_filled(face), 0.8).clamp(0, 1)


def _grid() -> Tensor:
    steps = torch.arange(SIDE, dtype=torch.float64)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x, y], -1)


def _within(landmarks: Tensor) -> Tensor:
    """The largest that a face may be (1, 1, 128, 128): its outline, a third larger."""
    return hides("face-140", _grid(), landmarks.double() * SIDE - 0.5, SIDE).float()[None, None]


def _features(landmarks: Tensor) -> Tensor:
    """Eyes, brows, nose and mouth (1, 1, 128, 128): they belong to a face, whatever their colour."""
    points = landmarks.double() * SIDE - 0.5
    unit = torch.maximum((points[1] - points[0]).norm(), (points[3:].mean(0) - points[:2].mean(0)).norm() / 1.06)
    grid = _grid()
    found = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    lift = torch.tensor([0.0, -0.12], dtype=torch.float64)
    for centre, wide, high in (
        (points[0] + lift * unit, 0.36, 0.30),
        (points[1] + lift * unit, 0.36, 0.30),
        (points[2] - lift * unit * 0.5, 0.3, 0.3),
        (points[3:].mean(0), 0.52, 0.30),
    ):
        away = (grid - centre) / (torch.tensor([wide, high], dtype=torch.float64) * unit)
        found |= away.square().sum(-1) < 1
    return found.float()[None, None]


def _close(mask: Tensor, reach: int) -> Tensor:
    return 1 - dilate(1 - dilate(mask, reach), reach)


def _open(mask: Tensor, reach: int) -> Tensor:
    return dilate(1 - dilate(1 - mask, reach), reach)


def _holding(mask: Tensor, landmarks: Tensor) -> Tensor:
    """The connected part of a mask (1, 1, S, S) that holds the nose."""
    x, y = (landmarks[2] * SIDE).long().clamp(0, SIDE - 1).tolist()
    part = torch.zeros_like(mask)
    part[0, 0, y, x] = 1
    while True:
        grown = dilate(part, 3) * mask
        grown = torch.maximum(grown, part * mask)
        if torch.equal(grown, part):
            return part
        part = grown


def _filled(mask: Tensor) -> Tensor:
    """A mask (1, 1, S, S) without holes: what the border's background does not reach belongs to the face."""
    outside = F.pad(torch.zeros_like(mask[..., 1:-1, 1:-1]), (1, 1, 1, 1), value=1.0) * (1 - mask)
    while True:
        grown = torch.maximum(dilate(outside, 1) * (1 - mask), outside)
        if torch.equal(grown, outside):
            return 1 - outside
        outside = grown
