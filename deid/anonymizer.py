"""A photo in, a photo out: every face hidden first, then replaced.

The order is the proof: ``holes.hide`` removes the pixels of all faces, and everything after it sees only what is
left, where the faces were, and the seed.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn

from deid import __version__, blending, faces, holes, images, inpainting
from deid.faces import DCGAN_FRAME, FRAMES, Face, Frame
from deid.generators import WeightsError, files, formats, load_discriminator, load_generator
from deid.holes import Target, black_out, compose, hidden_by, hide, view
from deid.images import Photo
from deid.inpainting import Search
from deid.masks import MASKS

PACKAGES = ("torch", "torchvision", "facenet-pytorch", "numpy")
METHODS = (*holes.DRAWN, *blending.OBSCURE)
# The networks that ship, for the methods that draw.
BUNDLED = {"dcgan": "dcgan-64", "stylegan2": "stylegan2-64", "onepass": "onepass-64"}
# A fill whose surroundings are this far off (mean absolute difference, [-1, 1]) found no fitting face.
MAX_CONTEXTUAL = 0.45
# Less of the frame than this to go by, and a search would be guessing.
MIN_VISIBLE = 0.15
FACES_AT_ONCE = 8
LARGE_PHOTO = 4_000_000  # pixels


@dataclass(frozen=True)
class Options:
    """What to do with a photo; see the command line's help for each.

    Faces from ``min_size`` pixels (longer side of the box) get a synthesized face; smaller ones that are still
    found, down to ``smallest``, are blacked out. Raises ``ValueError`` on values that make no sense.
    """

    method: str = "dcgan"
    mask: str = "face"
    starts: int = Search.starts
    iterations: int = Search.iterations
    seed: int = 0
    min_score: float = 0.9
    min_size: float = 16
    weights: str = ""
    device: str = "auto"
    smallest: float = 12

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        if self.mask not in MASKS:
            raise ValueError(f"mask must be one of {', '.join(MASKS)}, not {self.mask!r}")
        if not 0 < self.min_score <= 1:
            raise ValueError(f"min-score must be above 0 and at most 1, not {self.min_score}")
        if self.min_size < 1 or self.starts < 1 or self.iterations < 1:
            raise ValueError("min-size, starts and iterations must be at least 1")

    @property
    def network(self) -> str:
        """The weights to draw with: those asked for, or the ones that ship for the method; "" if nothing is drawn."""
        return (self.weights or BUNDLED[self.method]) if self.draws else ""

    @property
    def draws(self) -> bool:
        """Whether the method puts another face in place of the one it hides."""
        return self.method in holes.DRAWN


@dataclass
class Step:
    """Progress on one photo.

    ``stage`` is "hidden", "search" or "done"; ``done`` faces of ``total`` (one in the middle of its search counts in
    part); where the caller asked for previews the photo so far (1, 3, H, W). The last step carries ``result``.
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
    if not options.draws:
        pixels, hidden = obscure(photo.pixels, targets)
    else:
        pixels, hidden = hide(photo.pixels, targets)
        yield Step("hidden", 0, len(targets), preview=pixels if preview_every else None)
        for step in _draw(pixels, hidden, targets, options, device, preview_every):
            pixels = step.preview if step.stage == "done" else pixels
            if step.stage != "done":
                yield step
    visible = [face for face in doubtful if not holes.covered(face, hidden)]
    result = Result(replace(photo, pixels=pixels), targets, hidden, "anonymized", visible)
    yield Step("done", len(targets), len(targets), preview=pixels if preview_every else None, result=result)


def check(options: Options) -> None:
    """Raise what would fail on the first photo (missing device, missing weights) before any photo is read."""
    device = resolve_device(options.device)
    if options.draws:
        _networks(options, device)


def manifest(result: Result, options: Options) -> dict:
    """Everything a reader needs to judge and repeat the result, as plain JSON; no pixel, no file path."""
    entry = {
        "status": result.status,
        "size": list(result.photo.size),
        "smallest_face_searched": smallest_searched(result.photo, options),
        "options": asdict(options) | {"weights": options.network},
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


def plan(found: Sequence[Face], options: Options, device: str = "cpu") -> list[Target]:
    """A target for each face under these options, in the frame that the generator knows, far ones first."""
    frame = frame_of(_networks(options, device)[0]) if options.draws and found else DCGAN_FRAME
    return holes.plan(found, options.method, options.mask, options.seed, options.min_size, frame)


def frame_of(generator: nn.Module) -> Frame:
    """How a generator's faces sit in its images: as its weights file says, or as its family is usually trained."""
    usual = "ffhq" if generator.family == "stylegan2" else "deid"
    return FRAMES[generator.facts.get("frame", usual)].resized(generator.resolution)


def _draw(pixels: Tensor, hidden: Tensor, targets: list[Target], options: Options, device: str, preview_every: int):
    """Draw a face for every hole and paste it; yields steps, the last one's preview is the photo."""
    drawn = [target for target in targets if target.method in holes.DRAWN]
    views = {id(target): view(pixels, hidden, target) for target in drawn}
    for target in drawn:
        if views[id(target)][1].mean() < MIN_VISIBLE:
            black_out(target, "almost nothing around the face is visible")
    drawn = [target for target in drawn if target.method in holes.DRAWN]
    networks = _networks(options, device) if drawn else None
    fills: dict[int, Tensor] = {}
    for start in range(0, len(drawn), FACES_AT_ONCE):
        together = drawn[start : start + FACES_AT_ONCE]
        crops, visible = (torch.cat(part) for part in zip(*(views[id(t)] for t in together), strict=True))
        for step in _fill(together, crops, visible, networks, options, device):
            done = start + len(together) * step.iteration / options.iterations
            preview = None
            if preview_every and options.method in holes.SEARCHED and step.iteration % preview_every == 0:
                so_far = fills | {id(t): step.images[i : i + 1].cpu() for i, t in enumerate(together)}
                preview = compose(pixels, targets, so_far)
            yield Step("search", done, len(targets), preview)
        for target, fitted in zip(together, fit(step.images.cpu(), crops, visible).split(1), strict=True):
            fills[id(target)] = fitted
            # Faces that need no search appear one by one, in at most 30 previews.
            if preview_every and options.method not in holes.SEARCHED and len(fills) % -(-len(drawn) // 30) == 0:
                yield Step("search", len(fills), len(targets), compose(pixels, targets, fills))
    yield Step("done", len(targets), len(targets), compose(pixels, targets, fills, hidden))


def _fill(together, crops, visible, networks, options: Options, device: str) -> Iterator[inpainting.Step]:
    """One batch of faces; notes losses and seconds in the targets and gives up on faces that fit nowhere."""
    begin = time.perf_counter()
    generator, discriminator = networks
    landmarks = torch.stack([target.landmarks for target in together])
    for step in inpainting.inpaint(
        crops.to(device), visible.to(device), landmarks, [target.seed for target in together],
        generator=generator, discriminator=discriminator, settings=Search(options.starts, options.iterations),
    ):  # fmt: skip
        yield step
    for index, target in enumerate(together):
        target.seconds = (time.perf_counter() - begin) / len(together)
        target.losses = {name: value[index].item() for name, value in step.losses.items()}
        # "not <=" also catches NaN.
        if not target.losses["contextual"] <= MAX_CONTEXTUAL:
            black_out(target, "no face was found that fits its surroundings")


def fit(fills: Tensor, crops: Tensor, visible: Tensor) -> Tensor:
    """Fills (F, 3, S, S) with their colours matched to the surroundings and blended into them."""
    return blending.poisson(blending.match_colour(fills, crops, visible), crops, visible)


def obscure(pixels: Tensor, targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
    """The classical methods for comparison: blackout, blur, pixelate. The last two do look at the hidden pixels."""
    canvas, (_, hidden) = pixels.clone(), hide(pixels, targets)
    size = pixels.shape[3], pixels.shape[2]
    for target in targets:
        begin = time.perf_counter()
        (left, top, right, bottom), inside = hidden_by(target, size)
        area, original = canvas[:, :, top:bottom, left:right], pixels[:, :, top:bottom, left:right]
        covered = blending.OBSCURE[target.method](original, target.face.size)
        area.copy_(torch.where(inside > 0.5, covered, area))
        target.seconds = time.perf_counter() - begin
    return canvas, hidden


def _networks(options: Options, device: str) -> tuple[nn.Module, nn.Module | None]:
    generator, discriminator = _loaded(options.network, device)
    if generator.family != options.method:
        raise WeightsError(f"{options.network}: a {generator.family} network; use --method {generator.family} with it")
    return generator, discriminator


@lru_cache(maxsize=2)
def _loaded(name: str, device: str) -> tuple[nn.Module, nn.Module | None]:
    generator = load_generator(name, device)
    # Drawing in one pass needs no judge.
    return generator, None if generator.family == "onepass" else load_discriminator(name, device)
