"""What of a face is hidden: shapes over a frame, the same at the frame's resolution and at the photo's."""

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.choices import MASKS, OUTLINES, Outline

# Black lies over no less than this where a mask lets jaw and chin be seen.
COVERED = {"inner": "forehead"}
ROUND = 2.3  # exponent of an outline's upper half, a superellipse
# In eye distances: half a face's width, how far beside its nose a face ends, and how far a frontal one's nose
# may leave the middle.
WIDE, BESIDE, FRONTAL = 1.05, 0.45, 0.03


def hides(mask: str, points: Tensor, landmarks: Tensor, size: int) -> Tensor:
    """Which ``points`` (..., 2) a mask hides, for a face with ``landmarks`` (5, 2) -> boolean (...).

    Both are in frame pixels. A mask is a shape, not a picture: it is the same at the frame's resolution and
    at the photo's.
    "centre-32" and "centre-50" are the original study's squares on a 64 px frame; "face" is the outline from
    above the brows to below the chin, "forehead" one with more of the forehead and a narrower jaw,
    "turned" the same with a nearer far side where a head is turned, "inner" what lies inside of jaw and chin,
    "face-120" one larger by a fifth. Nothing beyond the frame is hidden.
    """
    if mask not in MASKS:
        raise ValueError(f"mask must be one of {', '.join(MASKS)}, not {mask!r}")
    centred = points - (size - 1) / 2
    inside = centred.abs().amax(-1) <= size / 2
    if mask in OUTLINES:
        return inside & _inside_outline(points, landmarks, OUTLINES[mask])
    return inside & (centred.abs().amax(-1) <= int(mask.removeprefix("centre-")) / 64 * size / 2)


def frame_mask(mask: str, landmarks: Tensor, size: int) -> Tensor:
    """Visible pixels of a frame, (1, 1, size, size): 1 visible, 0 hidden (M of Yeh et al.)."""
    steps = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return (~hides(mask, torch.stack([x, y], -1), landmarks, size)).float()[None, None]


def dilate(mask: Tensor, reach: int) -> Tensor:
    """The maximum of ``mask`` (N, C, H, W) over the square of ``reach`` pixels to every side, same shape."""
    return _dilated(_dilated(mask, reach, 2), reach, 3)


def bounds(mask: Tensor, margin: int = 0) -> tuple[slice, slice]:
    """The rows and columns that hold all that is true in a mask (H, W), and ``margin`` pixels around it."""
    found = [mask.any(axis).nonzero().flatten().tolist() for axis in (1, 0)]
    rows, columns = (slice(max(0, at[0] - margin), at[-1] + 1 + margin) if at else slice(0) for at in found)
    return rows, columns


def _dilated(mask: Tensor, reach: int, axis: int) -> Tensor:
    """The maximum along one axis: each step joins two windows, so that a wide one costs little more."""
    sides = (0, 0, reach, reach) if axis == 2 else (reach, reach)
    found, window, wanted = F.pad(mask, sides, value=float("-inf")), 1, 2 * reach + 1
    while window < wanted:
        step = min(window, wanted - window)
        length = found.shape[axis] - step
        found = torch.maximum(found.narrow(axis, 0, length), found.narrow(axis, step, length))
        window += step
    return found


def _inside_outline(points: Tensor, landmarks: Tensor, outline: Outline) -> Tensor:
    """An egg around the face: the axis runs from between the eyes to between the mouth corners."""
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks.to(points)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    down = mouth - eyes
    # A turned head's eyes draw together, a nodding one's eyes and mouth: the longer measure is the face's.
    unit = torch.maximum((right_eye - left_eye).norm(), down.norm() / 1.06).clamp(min=1e-6)
    down = down / down.norm().clamp(min=1e-6)
    across = torch.stack([down[1], -down[0]])
    u, v = (points - eyes) @ across / unit, (points - eyes) @ down / unit
    # A nose that leaves the axis shows a turned head: on that side its cheek is nearer, until the nose itself
    # is what reaches furthest.
    lean = (nose - eyes) @ across / unit
    nearer = outline.turning * (lean.abs() - FRONTAL).clamp(min=0)
    half_width = torch.where(
        u * lean > 0, torch.maximum(WIDE - nearer, lean.abs() + BESIDE), torch.full_like(u, WIDE)
    )
    centre = 0.5
    above, below = (torch.tensor(end).to(v) for end in (outline.above, outline.below))
    half_width, half_height = outline.wide * half_width, torch.where(v < centre, above, below)
    power = torch.where(v < centre, ROUND, outline.jaw)
    right, low = u / half_width / outline.scale, (v - centre) / half_height / outline.scale
    return right.abs() ** power + low.abs() ** power <= 1
