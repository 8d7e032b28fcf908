"""A photo in, a photo out: every face hidden first, then replaced.

The order is the proof: ``holes.hide`` removes the pixels of all faces, and everything that draws sees only what is
left, where the faces were, and seeds. The check of the result (``deid.verification``) compares it with the original,
and what it decides is a seed, a mask, or black.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from deid import __version__, blending, drawing, faces, holes, images, verification
from deid.drawing import Drawing, fit, frame_of, plan
from deid.faces import Face
from deid.generators import files, formats
from deid.holes import Target, compose, hidden_by, hide, view
from deid.images import Photo
from deid.options import BUNDLED, METHODS, Options

__all__ = ["BUNDLED", "METHODS", "Options", "Result", "Step", "anonymize", "check", "compose", "find_faces", "fit",
           "frame_of", "hidden_by", "hide", "look", "manifest", "obscure", "plan", "steps", "view"]  # fmt: skip

PACKAGES = ("torch", "torchvision", "facenet-pytorch", "numpy")
LARGE_PHOTO = 4_000_000  # pixels


@dataclass
class Step:
    """Progress on one photo.

    ``stage`` is "hidden", "search" or "done"; ``done`` faces of ``total`` (one in the middle of its search counts in
    part); where the caller asked for previews the photo so far (1, 3, H, W). "hidden" comes once more where the check
    changed faces: earlier previews show what was recognised. The last step carries ``result``.
    """

    stage: str
    done: float
    total: int
    preview: Tensor | None = None
    result: "Result | None" = None


@dataclass
class Result:
    """The anonymized photo, its faces, which pixels were hidden (1, 1, H, W), and the status for the manifest.

    ``doubtful`` faces scored less than ``min_score``: they are still visible, for the caller to look at.
    """

    photo: Photo
    targets: list[Target]
    hidden: Tensor
    status: str
    doubtful: list[Face] = field(default_factory=list)


def anonymize(
    photo: Photo | str | Path, options: Options | None = None, found: Sequence[Face] | None = None, **changes
) -> Result:
    """Replace every face of a photo: ``anonymize("party.jpg", seed=7)``. ``found`` gives the faces, without a detector.

    ``changes`` are fields of ``Options``. Deterministic: same photo, options and machine, same bytes. Raises
    ``ImageError`` for an unreadable file, ``ValueError`` and ``WeightsError`` for options that cannot be met.
    """
    photo = photo if isinstance(photo, Photo) else images.load(photo)
    *_, last = steps(photo, replace(options or Options(), **changes), found)
    return last.result


def steps(
    photo: Photo, options: Options, found: Sequence[Face] | None = None, preview_every: int = 0
) -> Iterator[Step]:
    """The same in steps; with ``preview_every`` a preview every so many search iterations (never a hidden face)."""
    device = resolve_device(options.device)
    found, doubtful = look(photo, options, device) if found is None else (list(found), [])
    targets = plan(found, options, device)
    if not targets:
        nothing = torch.zeros_like(photo.pixels[:, :1])
        yield Step("done", 0, 0, result=Result(photo, [], nothing, "no face found", doubtful))
        return
    if options.draws:
        pixels, hidden = hide(photo.pixels, targets)
        yield Step("hidden", 0, len(targets), preview=pixels if preview_every else None)
        work = Drawing(pixels, hidden, targets, options, device)
        for made in work.draw(preview_every):
            yield Step("search", made.done, len(targets), made.preview)
        pixels = work.finished()
    else:
        work, (pixels, hidden) = None, obscure(photo.pixels, targets, options.strength)
    if options.verify:
        pixels, hidden = yield from _verified(photo.pixels, pixels, hidden, targets, options, work, preview_every > 0)
    visible = [face for face in doubtful if not holes.covered(face, hidden)]
    result = Result(replace(photo, pixels=pixels), targets, hidden, "anonymized", visible)
    yield Step("done", len(targets), len(targets), preview=pixels if preview_every else None, result=result)


def _verified(
    photo: Tensor,
    pixels: Tensor,
    hidden: Tensor,
    targets: list[Target],
    options: Options,
    work: Drawing | None,
    previews: bool,
) -> Generator[Step, None, tuple[Tensor, Tensor]]:
    """Check anonymized ``pixels`` against the ``photo``, change what is recognised -> pixels and what is hidden."""
    judge = verification.Check(photo, targets, options)
    recognised = judge.recognised(pixels, targets)
    if not recognised:
        return pixels, hidden
    if work is None:
        for target in recognised:
            verification.change(target)
        return obscure(photo, targets, options.strength)
    for _ in verification.redraw(photo, work, judge, recognised):
        # Whoever keeps previews drops those from before: they show what was not good enough.
        yield Step("hidden", 0, len(targets), work.photo if previews else None)
        yield Step("search", len(targets), len(targets), work.preview(work.fills) if previews else None)
    return work.finished(), work.hidden


def check(options: Options) -> None:
    """Raise what would fail on the first photo (missing device, weights, recogniser) before any photo is read."""
    device = resolve_device(options.device)
    if options.draws:
        drawing.networks(options, device)
    if options.verify:
        verification.threshold(options)


def manifest(result: Result, options: Options) -> dict:
    """Everything a reader needs to judge and repeat the result, as plain JSON; no pixel, no file path."""
    entry = {
        "status": result.status,
        "size": list(result.photo.size),
        "smallest_face_searched": smallest_searched(result.photo, options),
        "options": asdict(options) | {"weights": options.network},
        "verification": verification.record(options),
        "faces": [target.record() for target in sorted(result.targets, key=lambda target: -target.face.size)],
        "doubtful_faces_left_visible": [face.record() for face in result.doubtful],
        "versions": {"deid": __version__} | {package: version(package) for package in PACKAGES},
    }
    if options.draws:
        entry["weights_sha256"] = _hashes(options.network, options.method in holes.SEARCHED)
    return entry


@lru_cache
def _hashes(name: str, judged: bool) -> dict[str, str]:
    path = formats.locate(name)
    used = (path, formats.discriminator_path(path)) if judged else (path,)
    return {file.name: files.sha256(file) for file in used if file.is_file()}


def resolve_device(name: str) -> str:
    """"auto" -> the best device of this machine. Raises ``ValueError`` for one that is not there."""  # fmt: skip
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, here in available.items() if here)
    if name.split(":")[0] not in available:
        raise ValueError(f"device must be auto, cpu, cuda or mps, not {name!r}")
    if not available[name.split(":")[0]]:
        raise ValueError(f"device {name} is not available on this machine; use --device auto")
    return name


def smallest_searched(photo: Photo, options: Options) -> float:
    """The smallest face, in pixels, that is looked for: a camera's photo would take minutes and gigabytes at 12 px."""
    smallest = min(options.smallest, options.min_size)
    return smallest if photo.pixels[0, 0].numel() <= LARGE_PHOTO else max(smallest, 24)


def look(photo: Photo, options: Options, device: str = "cpu") -> tuple[list[Face], list[Face]]:
    """The faces that will be replaced or, when under ``min_size``, blacked out; and those that score too little."""
    smallest = smallest_searched(photo, options)
    (seen,) = faces.detect(photo.pixels, 0.0, smallest, device if device != "mps" else "cpu")
    found = [face for face in seen if face.score >= options.min_score]
    return found, [face for face in seen if face.score < options.min_score]


def find_faces(photo: Photo, options: Options, device: str = "cpu") -> list[Face]:
    """The faces that will be replaced or, when under ``min_size``, blacked out."""
    return look(photo, options, device)[0]


def obscure(pixels: Tensor, targets: Sequence[Target], strength: float = 0.0) -> tuple[Tensor, Tensor]:
    """The classical methods for comparison: blackout, blur, pixelate. The last two do look at the hidden pixels."""
    canvas, (_, hidden) = pixels.clone(), hide(pixels, targets)
    size = pixels.shape[3], pixels.shape[2]
    for target in sorted(targets, key=lambda target: target.method == "blackout"):  # black lies over everything
        begin = time.perf_counter()
        (left, top, right, bottom), inside = hidden_by(target, size)
        area, original = canvas[:, :, top:bottom, left:right], pixels[:, :, top:bottom, left:right]
        covered = blending.OBSCURE[target.method](original, target.face.size, *([strength] if strength else []))
        area.copy_(torch.where(inside > 0.5, covered, area))
        target.seconds = time.perf_counter() - begin
    return canvas, hidden
