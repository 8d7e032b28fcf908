"""Skin that is shown in more light than its own: stubble, hollows and spots are as strong as they were.

A network that draws dark skin as light as the photo's multiplies what it sees, and with it all that was a
little darker: a smooth cheek gets blotches. Skin is faded towards its surroundings by as much. Eyes and mouth
stay.
"""

import torch
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import light
from deid.photo.resampling import enlarge
from deid.references.refining import SIDE, shrunk

POWER, LEAST = 1.5, 0.55  # of the ratio of light that contrast is multiplied by, and by how little at most
AROUND = 5.0  # pixels, of 128: surroundings
# Half the width of an eye and of the mouth, in eye distances; half their height, of the way between both.
EYE, MOUTH = (0.38, 0.17), (0.52, 0.3)
SOFT = 2.0  # pixels


def softened(face: Tensor, picture: Tensor, weight: Tensor, landmarks: Tensor) -> Tensor:
    """The ``face`` (1, 3, S, S) in [-1, 1] with less contrast where it is lighter than the reference is.

    The reference ``picture`` (1, 3, S, S) is shown where ``weight`` (1, 1, S, S) is 1; ``landmarks`` (5, 2)
    in pixels.
    """
    shown, drawn = shrunk(weight), shrunk(face)
    if not shown.any():
        return face
    own, now = ((light(part) * shown).sum() for part in (shrunk(picture), drawn))
    contrast = float((own / now.clamp(min=1e-3)) ** POWER)
    if contrast >= 1:
        return face
    points = (landmarks.double() + 0.5) * (SIDE / face.shape[3]) - 0.5
    around = gaussian(drawn * shown, AROUND) / gaussian(shown, AROUND).clamp(min=1e-2)
    share = (1 - max(LEAST, contrast)) * shown * (1 - _features(points))
    share, around = (enlarge(part, face.shape[3]) for part in (share, around))
    return face + share * (around - face)


def _features(points: Tensor) -> Tensor:
    """Where eyes and mouth are, (1, 1, 128, 128), soft from 0 to 1; landmarks (5, 2) in its pixels."""
    steps = torch.arange(SIDE, dtype=points.dtype)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    mouth = points[3:].mean(0)
    up, across = points[:2].mean(0) - mouth, points[1] - points[0]
    found = torch.zeros(SIDE, SIDE)
    for place, (wide, high) in ((points[0], EYE), (points[1], EYE), (mouth, MOUTH)):
        away = grid - place
        far = [(away * way).sum(-1) / way.square().sum() / half for way, half in ((up, high), (across, wide))]
        found[far[0].square() + far[1].square() < 1] = 1
    return gaussian(found[None, None], SOFT)
