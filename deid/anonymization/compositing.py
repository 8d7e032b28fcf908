"""The holes in a photo, and the way back over them.

``hide`` is the point of no return: it removes the pixels of all faces at the photo's own resolution, and what
comes later is given its result, never the photo.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from deid import inpainting
from deid.anonymization.targets import Target
from deid.photo import alignment, blending, glasses, masks, texture
from deid.photo.faces import Face

Region = tuple[int, int, int, int]  # left, top, right, bottom; the end is exclusive


class Scene(NamedTuple):
    """A photo with grey holes, ``pixels`` (1, 3, H, W), and what is ``hidden`` (1, 1, H, W) as 0 or 1."""

    pixels: Tensor
    hidden: Tensor


class Patch(NamedTuple):
    """What lies over one hole: ``pixels`` (1, 3, h, w), ``weights`` (1, 1, h, w): 1 in it, less around it."""

    region: Region
    pixels: Tensor
    weights: Tensor


def hole_of(target: Target, photo_size: tuple[int, int]) -> tuple[Region, Tensor]:
    """The part of the photo that a target's frame touches, and the hidden pixels in it.

    A rectangle, and (1, 1, h, w) as 0 or 1.
    """
    size, few = target.frame.size, 64
    left, top, right, bottom = region = alignment.paste_region(target.place, size, photo_size)
    inside = torch.zeros(1, 1, bottom - top, right - left)
    # Much of a frame is visible: where it is not is found on a coarse grid, with two of its steps to spare.
    coarse = masks.frame_mask(target.mask, (target.landmarks + 0.5) / size * few - 0.5, few)
    box = [[at.start / few * size, at.stop / few * size] for at in masks.bounds(coarse[0, 0] < 0.5, 2)]
    corners = alignment.apply(target.place, torch.cartesian_prod(*torch.tensor(box[::-1]).double()) - 0.5)
    low, high = corners.min(0).values - 1, corners.max(0).values + 1
    x, y = (torch.arange(*ends, dtype=torch.float64) for ends in ((left, right), (top, bottom)))
    columns, rows = ((side > low[k]) & (side < high[k]) for k, side in enumerate((x, y)))
    if columns.any() and rows.any():
        points = alignment.positions(alignment.invert(target.place), x[columns], y[rows])
        area = inside[(..., *masks.bounds(rows[:, None] & columns))]
        area.copy_(masks.hides(target.mask, points, target.landmarks, size))
    return region, inside


def hide(pixels: Tensor, targets: Sequence[Target]) -> Scene:
    """Remove the pixels of every face from a photo (1, 3, H, W); the point of no return.

    Beside a face that will be drawn in detail the arms of glasses go as well: half a pair would be left.
    """
    hidden = torch.zeros_like(pixels[:, :1])
    size = pixels.shape[3], pixels.shape[2]
    for target in targets:
        (left, top, right, bottom), inside = hole_of(target, size)
        area = hidden[:, :, top:bottom, left:right]
        area.copy_(torch.maximum(area, inside))
    seen = pixels.masked_fill(hidden > 0.5, 0)
    for target in targets:
        if _detailed(target):
            glasses.remove_arms(seen, hidden, target.landmarks, target.place)
    return Scene(seen, hidden)


def _detailed(target: Target) -> bool:
    """Whether a face is drawn, and in detail; a classical method draws none."""
    return target.method in inpainting.METHODS and inpainting.METHODS[target.method].kind.detailed


def covered(face: Face, hidden: Tensor) -> bool:
    """Whether all landmarks of a face that lie in the photo are hidden (1, 1, H, W) already."""
    height, width = hidden.shape[2:]
    x, y = face.points().round().long().unbind(1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return bool((hidden[0, 0, y[inside], x[inside]] > 0.5).all())


def view(scene: Scene, target: Target) -> tuple[Tensor, Tensor]:
    """A target's crop (1, 3, S, S) and its visible pixels (1, 1, S, S), of a photo whose faces are hidden."""
    seen = visible(scene.hidden, target)
    return alignment.crop(scene.pixels, target.matrix, target.frame.size) * seen, seen


def visible(hidden: Tensor, target: Target) -> Tensor:
    """The visible pixels of a target's frame, (1, 1, S, S) as 0 or 1, where ``hidden`` (1, 1, H, W) is not.

    A frame pixel is visible only if every photo pixel that went into it is.
    """
    return (alignment.crop(hidden, target.matrix, target.frame.size) < 1e-4).to(hidden.dtype)


def neighbourhood(target: Target, scene: Scene) -> tuple:
    """An index of the part of a photo (1, C, H, W) that a target's view and patch can depend on.

    A frame's side more than the frame: beyond the border of the photo a view is its mirror image.
    """
    size, photo_size = target.frame.size, (scene.pixels.shape[3], scene.pixels.shape[2])
    margin = math.ceil(size * alignment.scale(target.matrix))
    left, top, right, bottom = alignment.paste_region(target.matrix, size, photo_size, margin)
    return ..., slice(top, bottom), slice(left, right)


def patch(scene: Scene, target: Target, fill: Tensor | None, finish: bool = True) -> Patch | None:
    """What a fill (1, 3, S, S) becomes at the photo's resolution; None where there is nothing to show.

    With ``finish`` it is made as sharp as its surroundings and fitted into its hole once more; without, it is
    a quick preview. It follows from what is visible, its target and its fill, not from what the other faces
    become.
    """
    region, inside = hole_of(target, (scene.pixels.shape[3], scene.pixels.shape[2]))
    if target.black:
        return Patch(region, -torch.ones_like(inside).expand(-1, 3, -1, -1), inside)
    if fill is None:
        return None
    region, inside = _near(region, inside)
    drawn = alignment.paste(fill, target.matrix, region)
    if finish:
        area, hidden = (part[:, :, region[1] : region[3], region[0] : region[2]] for part in scene)
        known = 1 - hidden
        if _detailed(target):
            drawn = texture.soften(drawn, area, inside, known)
        drawn = texture.match(drawn, area, inside, known, alignment.scale(target.matrix), target.seed)
        drawn = blending.seam(drawn, area, inside, known)
    weights = blending.soft_edge(inside, max(0.7, 0.9 * alignment.scale(target.matrix)))
    rows, columns = masks.bounds(weights[0, 0] > 0)
    left, top = region[0] + columns.start, region[1] + rows.start
    pixels, weights = (part[:, :, rows, columns].clone() for part in (drawn.clamp(-1, 1), weights))
    return Patch((left, top, left + weights.shape[3], top + weights.shape[2]), pixels, weights)


def _near(region: Region, inside: Tensor) -> tuple[Region, Tensor]:
    """A region and the hidden pixels in it (1, 1, h, w), less what lies too far away to matter.

    A frame is twice as wide as the hole in it.
    """
    if not inside.any():
        return region, inside
    rows, columns = masks.bounds(inside[0, 0] > 0.5, texture.reach(inside))
    bottom, right = min(rows.stop, inside.shape[2]), min(columns.stop, inside.shape[3])
    left, top = region[0] + columns.start, region[1] + rows.start
    return (left, top, region[0] + right, region[1] + bottom), inside[:, :, rows, columns].contiguous()


def assemble(scene: Scene, targets: Sequence[Target], patches: Sequence[Patch | None]) -> Tensor:
    """The photo (1, 3, H, W) with a patch for each target: far ones first, black ones last, over all."""
    canvas = scene.pixels.clone()
    for _, put in sorted(zip(targets, patches, strict=True), key=lambda pair: pair[0].black):
        if put is not None:
            left, top, right, bottom = put.region
            area = canvas[:, :, top:bottom, left:right]
            soft = area + put.weights * (put.pixels - area)
            area.copy_(torch.where(put.weights < 1, soft, put.pixels))
    return canvas


def blend(
    scene: Scene, targets: Sequence[Target], fills: Sequence[Tensor | None], finish: bool = True
) -> Tensor:
    """Fills, one a target, put into the photo; ``finish`` as in ``patch``. -> (1, 3, H, W)"""
    pairs = zip(targets, fills, strict=True)
    return assemble(scene, targets, [patch(scene, target, fill, finish) for target, fill in pairs])
