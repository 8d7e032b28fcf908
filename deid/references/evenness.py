"""How evenly a face is lit: light on a face changes like a plane, from one side to the other.

A portrait in the sun, in stage light or with strands of hair across the forehead has patches instead. In the
photo that gets its face they are the first thing that is seen.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.blending import gaussian
from deid.photo.colour import lab
from deid.photo.masks import dilate, hides

SIDE = 64  # of the view that is measured
OUTLINE, RIM = "forehead", 3  # what of a face, and how many pixels of its edge are left out
# Not lit like the skin around them: half width and height in eye distances; brows are so far above eyes.
ABOVE, EYES, NOSE = 0.12, (0.38, 0.42), (0.3, 0.3)
UPPER = 0.2  # eye distances above the mouth: lower down there may be a beard
PATCH = 0.15  # what differs from the plane by more, as a share of the skin's light, is a patch
SMOOTH = 0.7  # pixels
ROUNDS = 4  # of fitting; what differs by more than ``strange`` counts less (Holland and Welsch, 1977)
STRANGE = 0.06  # of the skin's light


def unevenness(crop: Tensor, landmarks: Tensor) -> float:
    """The share of a face's skin, from 0 to 1, whose light is not that of a plane.

    ``crop`` (1, 3, S, S) in [-1, 1], ``landmarks`` (5, 2) as fractions of its side. Eyes, brows, nose and
    what is below it are not looked at.
    """
    points = landmarks.double() * SIDE - 0.5
    skin = _skin(points)
    light = gaussian(lab(F.interpolate(crop, (SIDE, SIDE), mode="area"))[:, :1], SMOOTH)[0, 0]
    if not skin.any():
        return 0.0
    share = light / light[skin].median().clamp(min=5)
    return ((share - plane(share, skin, STRANGE)).abs()[skin] > PATCH).float().mean().item()


def plane(values: Tensor, inside: Tensor, strange: float) -> Tensor:
    """The plane (S, S) that is nearest to most of the values (S, S) ``inside``.

    What differs by more than ``strange`` counts less.
    """
    steps = torch.linspace(-1, 1, len(values))
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    basis = torch.stack([torch.ones_like(down), down, right])
    known, wanted = basis[:, inside].T, values[inside][:, None]
    counts = torch.ones_like(wanted)
    for _ in range(ROUNDS):
        found = torch.linalg.lstsq(known * counts, wanted * counts).solution
        counts = (1 / (1 + ((wanted - known @ found) / strange) ** 2)).sqrt()
    return torch.einsum("kyx,k->yx", basis, found[:, 0])


def _skin(points: Tensor) -> Tensor:
    """Where a face with landmarks (5, 2), in pixels, has bare skin: (64, 64) as bool."""
    steps = torch.arange(SIDE, dtype=points.dtype)
    places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    face = hides(OUTLINE, places, points, SIDE).float()[None, None]
    skin = 1 - dilate(1 - face, RIM)[0, 0]
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    unit = (points[1] - points[0]).norm()
    brows = points[:2] - ABOVE * (mouth - eyes)
    for centre, half in ((brows[0], EYES), (brows[1], EYES), (points[2], NOSE)):
        away = (places - centre) / (unit * points.new_tensor(half))
        skin = skin * (away.square().sum(-1) >= 1)
    return (skin > 0.5) & (places[..., 1] < mouth[1] - UPPER * unit)
