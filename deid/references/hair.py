"""Beards and brows of references, and how fair the hair around a hidden face is."""

from functools import lru_cache

import torch
from torch import Tensor

from deid.photo import masks
from deid.references.library import Library

BEARDED = (0.5, 0.8)  # a chin and an upper lip of so much of the cheeks' light are a beard, or skin
DARK = 0.5  # of the cheeks' light: a brow is darker
HEAVY = (0.25, 0.6)  # dark shares of the place of a brow: a thin one, a heavy one
FAIR = (0.45, 0.8)  # light above the eyes, beside the hole, of the face's own: dark hair, fair hair or none


@lru_cache(maxsize=1)
def thumbnails(library: Library) -> Tensor:
    """The library's crops at 64 px, (N, 3, 64, 64) in [-1, 1]; not to be written into."""
    return library.thumbnails.float().div(127.5).sub(1)


@lru_cache(maxsize=2)
def beards(library: Library) -> Tensor:
    """Whether each reference has a dark beard, (N,) from 0 to 1: most faces have none.

    By how dark chin and upper lip are beside the cheeks.
    """
    found = []
    for light, points, cheeks in _faces(library):
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        hair = [_spot(light, place, 1) for place in ((points[2] + mouth) / 2, mouth + 0.42 * (mouth - eyes))]
        found.append(max(part.median() for part in hair) / cheeks)
    return _share(BEARDED[::-1], torch.stack(found))


@lru_cache(maxsize=2)
def brows(library: Library) -> Tensor:
    """How heavy and dark each reference's brows are, (N,) from 0 to 1; by the heavier one."""
    found = []
    for light, points, cheeks in _faces(library):
        up = (points[:2].mean(0) - points[3:].mean(0)) * 0.24
        dark = [(_spot(light, eye + up, 3, 4) < DARK * cheeks).float().mean() for eye in points[:2]]
        found.append(max(dark))
    return _share(HEAVY, torch.stack(found))


def fairness(picture: Tensor, landmarks: Tensor) -> float:
    """How fair the hair around a face is, from 0 to 1; a bald head is fair.

    ``picture`` (1, 3, S, S) with ``landmarks`` (5, 2) as fractions of its side: what is visible, and inside a
    guess, whose skin says how much light there is.
    """
    side = picture.shape[3]
    light = (picture[0].mean(0) + 1) / 2
    above, inner = around(landmarks.double() * side - 0.5, side)
    if not above.any():
        return 0.0
    return _share(FAIR, light[above].median() / light[inner].median().clamp(min=0.02)).item()


def around(points: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Where hair is, beside the hole and above the eyes, and the middle of the face.

    Landmarks are ``points`` (5, 2) in pixels -> boolean (side, side) each.
    """
    hidden, wide, inner = (
        masks.frame_mask(name, points, side)[0, 0] < 0.5 for name in ("forehead", "face-140", "face-80")
    )
    return wide & ~hidden & (torch.arange(side)[:, None] < points[:2, 1].mean()), inner


def _faces(library: Library) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of each reference the light (64, 64) from 0 to 1, the landmarks (5, 2) in pixels, the cheeks' light."""
    found = []
    for picture, points in zip(
        thumbnails(library), library.landmarks * library.thumbnails.shape[3], strict=True
    ):
        light = (picture.mean(0) + 1) / 2
        cheeks = torch.cat([_spot(light, points[k] + 0.6 * (points[k + 3] - points[k]), 2) for k in (0, 1)])
        found.append((light, points, cheeks.median().clamp(min=0.02)))
    return found


def _spot(light: Tensor, place: Tensor, high: int, wide: int = 0) -> Tensor:
    """The values of a picture (S, S) within so many pixels of a place (x, y)."""
    wide = wide or high
    x, y = (
        int(value.clamp(reach, len(light) - reach - 1))
        for value, reach in zip(place.round(), (wide, high), strict=True)
    )
    return light[y - high : y + high + 1, x - wide : x + wide + 1].flatten()


def _share(ends: tuple[float, ...], values: Tensor) -> Tensor:
    """Where values lie between two ends, from 0 at the first to 1 at the second."""
    return ((values - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)
