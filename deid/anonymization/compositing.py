"""The holes in a photo, and the way back over them.

``hide`` is the point of no return: it removes the pixels of all faces at the photo's own resolution, and what
comes later is given its result, never the photo.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from deid import inpainting
from deid.anonymization.targets import Target
from deid.photo import alignment, blending, masks, texture
from deid.photo.faces import Face

Region = tuple[int, int, int, int]  # left, top, right, bottom; the end is exclusive


class Scene(NamedTuple):
    """A photo with grey holes, ``pixels`` (1, 3, H, W), and what is ``hidden`` (1, 1, H, W) as 0 or 1."""

    pixels: Tensor
    hidden: Tensor


def hole_of(target: Target, photo_size: tuple[int, int]) -> tuple[Region, Tensor]:
    """The part of the photo that a target's frame touches, and the hidden pixels in it.

    A rectangle, and (1, 1, h, w) as 0 or 1.
    """
    size = target.frame.size
    left, top, right, bottom = region = alignment.paste_region(target.place, size, photo_size)
    y, x = torch.meshgrid(
        torch.arange(top, bottom, dtype=torch.float64),
        torch.arange(left, right, dtype=torch.float64),
        indexing="ij",
    )
    points = alignment.apply(alignment.invert(target.place), torch.stack([x, y], -1).reshape(-1, 2))
    return region, masks.hides(target.mask, points.reshape(*x.shape, 2), target.landmarks, size)[
        None, None
    ].float()


def hide(pixels: Tensor, targets: Sequence[Target]) -> Scene:
    """Remove the pixels of every face from a photo (1, 3, H, W); the point of no return."""
    hidden = torch.zeros_like(pixels[:, :1])
    size = pixels.shape[3], pixels.shape[2]
    for target in targets:
        (left, top, right, bottom), inside = hole_of(target, size)
        area = hidden[:, :, top:bottom, left:right]
        area.copy_(torch.maximum(area, inside))
    return Scene(torch.where(hidden > 0.5, torch.zeros_like(pixels), pixels), hidden)


def covered(face: Face, hidden: Tensor) -> bool:
    """Whether all landmarks of a face that lie in the photo are hidden (1, 1, H, W) already."""
    height, width = hidden.shape[2:]
    x, y = face.points().round().long().unbind(1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return bool((hidden[0, 0, y[inside], x[inside]] > 0.5).all())


def view(scene: Scene, target: Target) -> tuple[Tensor, Tensor]:
    """A target's crop (1, 3, S, S) and its visible pixels (1, 1, S, S), from a photo whose faces are hidden.

    A frame pixel is visible only if every photo pixel that went into it is.
    """
    size = target.frame.size
    visible = (alignment.crop(1 - scene.hidden, target.matrix, size) > 1 - 1e-4).to(scene.pixels.dtype)
    return alignment.crop(scene.pixels, target.matrix, size) * visible, visible


def blend(
    scene: Scene, targets: Sequence[Target], fills: Sequence[Tensor | None], finish: bool = True
) -> Tensor:
    """Paste the fills, one a target, into the photo: far faces first; black ones come last, over everything.

    With ``finish`` each is made as sharp as its surroundings and fitted into its hole once more, at the
    photo's own resolution; without, it is a quick preview. -> (1, 3, H, W)
    """
    canvas = scene.pixels.clone()
    size = canvas.shape[3], canvas.shape[2]
    for target, fill in sorted(zip(targets, fills, strict=True), key=lambda pair: pair[0].black):
        region, inside = hole_of(target, size)
        area = canvas[:, :, region[1] : region[3], region[0] : region[2]]
        if target.black:
            area.copy_(torch.where(inside > 0.5, -torch.ones_like(area), area))
        elif fill is not None:
            drawn = alignment.paste(fill, target.matrix, region)
            if finish:
                known = 1 - scene.hidden[:, :, region[1] : region[3], region[0] : region[2]]
                if inpainting.METHODS[target.method][0].detailed:
                    drawn = texture.soften(drawn, area, inside, known)
                drawn = texture.match(drawn, area, inside, known, alignment.scale(target.matrix), target.seed)
                drawn = blending.seam(drawn, area, inside, known)
            drawn = drawn.clamp(-1, 1)
            alpha = blending.soft_edge(inside, max(0.7, 0.9 * alignment.scale(target.matrix)))
            area.copy_(area + alpha * (drawn - area))
    return canvas
