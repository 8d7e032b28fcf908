"""Where faces are hidden: a target for each face, the holes in the photo, and the way back over them.

``hide`` is the point of no return: it removes the pixels of all faces at the photo's own resolution, and what comes
later is given its result, never the photo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from deid import blending, faces, inpainting, masks, texture
from deid.faces import DCGAN_FRAME, Face, Frame

SEARCHED = ("dcgan", "stylegan2")  # methods that search a network's latents for a face
DRAWN = (*SEARCHED, "onepass")  # methods that draw a face; the others only cover it


@dataclass
class Target:
    """One face on its way: where it is, how it is hidden, and what became of it.

    The hole lies where the face was: ``place`` (2, 3) takes its frame's pixels to the photo's, ``landmarks`` (5, 2) lie
    in that frame. What is drawn may lie a little elsewhere (jitter): ``matrix`` and ``pose`` are the same for it.
    ``truncation`` is how far the person drawn may be from the mean one. ``similarity`` is what a recogniser makes of
    the result, ``attempts`` how often it was changed for that (``deid.verification``).
    """

    face: Face
    frame: Frame
    place: Tensor
    landmarks: Tensor
    matrix: Tensor
    pose: Tensor
    method: str
    mask: str
    seed: int
    truncation: float = 1.0
    reason: str = ""
    losses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    similarity: dict = field(default_factory=dict)
    attempts: int = 0

    def record(self) -> dict:
        """The manifest's entry."""
        entry = self.face.record() | {
            "method": self.method,
            "mask": self.mask,
            "seed": self.seed,
            "losses": {name: round(value, 5) for name, value in self.losses.items()},
            "seconds": round(self.seconds, 3),
        }
        if self.method == "onepass":
            entry["truncation"] = self.truncation
        if self.method in DRAWN and (enlarged := faces.scale(self.matrix)) > 2:
            entry["enlarged"] = round(enlarged, 2)  # photo pixels for each pixel that was drawn
        known = {"similarity": self.similarity, "reason": self.reason}
        return entry | {name: value for name, value in known.items() if value}


def plan(
    found: Sequence[Face], method: str, mask: str, seed: int, min_size: float, frame: Frame = DCGAN_FRAME,
    jitter: float = 0.0, truncation: float = 1.0,
) -> list[Target]:  # fmt: skip
    """What happens to each face, far ones (small) first so that near ones are drawn over them."""
    seeds = inpainting.face_seeds(seed, len(found))
    targets = [aim(face, frame, method, mask, own, jitter, truncation) for face, own in zip(found, seeds, strict=True)]
    for target in targets:
        if method in DRAWN and target.face.size < min_size:
            black_out(target, f"smaller than {min_size:g} px")
    return sorted(targets, key=lambda target: target.face.size)


def aim(
    face: Face, frame: Frame, method: str, mask: str, seed: int, jitter: float = 0.0, truncation: float = 1.0
) -> Target:  # fmt: skip
    """The target of a face. ``jitter`` moves the landmarks it is drawn for, by so many eye distances (normal)."""
    points = own = face.points()
    if jitter:
        moves = torch.randn(5, 2, generator=torch.Generator().manual_seed(seed), dtype=own.dtype)
        points = own + jitter * (own[1] - own[0]).norm() * moves
    place = frame.matrix(face)
    matrix = place if points is own else faces.similarity(frame.points(), points)
    landmarks, pose = faces.apply(faces.invert(place), own), faces.apply(faces.invert(matrix), points)
    return Target(face, frame, place, landmarks, matrix, pose, method, mask, seed, truncation)


def take(target: Target, other: Target) -> None:
    """Let what is drawn for ``target`` become what was drawn for ``other``; its hole stays where it is."""
    target.matrix, target.pose, target.seed = other.matrix, other.pose, other.seed
    target.method, target.reason = other.method, other.reason
    target.losses, target.seconds = other.losses, target.seconds + other.seconds


def hidden_by(target: Target, photo_size: tuple[int, int]) -> tuple[tuple[int, int, int, int], Tensor]:
    """The rectangle of the photo that a target's frame touches and, in it, the hidden pixels (1, 1, h, w) as 0 or 1."""
    size = target.frame.size
    left, top, right, bottom = region = faces.paste_region(target.place, size, photo_size)
    y, x = torch.meshgrid(
        torch.arange(top, bottom, dtype=torch.float64), torch.arange(left, right, dtype=torch.float64), indexing="ij"
    )
    points = faces.apply(faces.invert(target.place), torch.stack([x, y], -1).reshape(-1, 2)).reshape(*x.shape, 2)
    return region, masks.hides(target.mask, points, target.landmarks, size)[None, None].float()


def hide(pixels: Tensor, targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
    """Remove the pixels of every face -> (photo with grey holes, hidden (1, 1, H, W)); the point of no return."""
    hidden = torch.zeros_like(pixels[:, :1])
    size = pixels.shape[3], pixels.shape[2]
    for target in targets:
        (left, top, right, bottom), inside = hidden_by(target, size)
        area = hidden[:, :, top:bottom, left:right]
        area.copy_(torch.maximum(area, inside))
    return torch.where(hidden > 0.5, torch.zeros_like(pixels), pixels), hidden


def covered(face: Face, hidden: Tensor) -> bool:
    """Whether all landmarks of a face that lie in the photo are hidden (1, 1, H, W) already."""
    height, width = hidden.shape[2:]
    x, y = face.points().round().long().unbind(1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return bool((hidden[0, 0, y[inside], x[inside]] > 0.5).all())


def view(pixels: Tensor, hidden: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """A target's crop (1, 3, S, S) and its visible pixels (1, 1, S, S), from a photo whose faces are hidden.

    A frame pixel is visible only if every photo pixel that went into it is.
    """
    size = target.frame.size
    visible = (faces.crop(1 - hidden, target.matrix, size) > 1 - 1e-4).to(pixels.dtype)
    return faces.crop(pixels, target.matrix, size) * visible, visible


def compose(
    pixels: Tensor, targets: Sequence[Target], fills: dict[int, Tensor], hidden: Tensor | None = None
) -> Tensor:
    """Paste the fills into the photo with grey holes, far faces first; blacked-out ones come last, over everything.

    With ``hidden`` (1, 1, H, W) each is made as sharp as its surroundings and fitted into its hole once more, at the
    photo's own resolution.
    """
    canvas = pixels.clone()
    size = pixels.shape[3], pixels.shape[2]
    for target in sorted(targets, key=lambda target: target.method == "blackout"):
        (left, top, right, bottom), inside = hidden_by(target, size)
        area = canvas[:, :, top:bottom, left:right]
        if target.method == "blackout":
            area.copy_(torch.where(inside > 0.5, -torch.ones_like(area), area))
        elif id(target) in fills:
            drawn = faces.paste(fills[id(target)], target.matrix, (left, top, right, bottom))
            if hidden is not None:
                known, fineness = 1 - hidden[:, :, top:bottom, left:right], faces.scale(target.matrix)
                drawn = texture.match(drawn, area, inside, known, fineness, target.seed)
                drawn = blending.seam(drawn, area, inside, known)
            drawn = drawn.clamp(-1, 1)
            alpha = blending.soft_edge(inside, max(0.7, 0.9 * faces.scale(target.matrix)))
            area.copy_(area + alpha * (drawn - area))
    return canvas


def black_out(target: Target, reason: str) -> None:
    """Give up on drawing a face: it is covered instead, and the manifest says why."""
    target.method, target.reason = "blackout", reason
