"""One photo that a person tries: read, its faces numbered, anonymized by their choices, handed back."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from torch import Tensor

from deid.anonymization import pipeline, review
from deid.anonymization.choices import BLACKOUT, DO, KEEP, REPLACE
from deid.anonymization.looking import Sight, decide
from deid.anonymization.options import Options
from deid.anonymization.planning import ADDED
from deid.anonymization.review import Numbered
from deid.app import limits
from deid.photo import exchange, images
from deid.photo.images import Photo

SIDE = 1200  # pixels of a preview's longer side, at most
BECAME = {"blackout": "black", "pixelate": "behind a mosaic", "blur": "blurred"}


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo with its ``faces``, the largest first.

    Its file is held as ``content``, and decoded when it is needed: a large photo has ten times as many bytes
    then. ``preview`` (1, 3, h, w) is small.
    """

    name: str
    content: bytes
    faces: tuple[Numbered, ...]
    preview: Tensor
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Made:
    """What became of a photo or a clip: a ``name`` to save it by, and what was done, in words.

    ``content`` is the file, or where it lies; None where nothing is handed over, because no face was found.
    ``before`` and ``after`` are small pictures (1, 3, h, w) of a photo.
    """

    name: str
    content: bytes | Path | None
    summary: str
    before: Tensor | None = None
    after: Tensor | None = None


@dataclass(frozen=True, eq=False)
class SessionStep:
    """A ``share`` of the work is done, from 0 to 1; the last step carries what was ``made``."""

    stage: str
    share: float
    made: Made | None = None


def read(name: str, content: bytes, options: Options) -> Opened:
    """A photo from the bytes of its file. Raises ``ImageError``, which names the file and the fix."""
    name = PurePath(name).name
    photo = _decoded(name, content)
    faces = review.numbered(decide(photo, options), options)
    return Opened(name, content, tuple(faces), images.shrink(photo.pixels, SIDE), photo.size)


def sight(opened: Opened, choices: Mapping[int, str]) -> Sight:
    """What becomes of each face: ``choices`` by number, one of ``choices.DO``.

    Without a choice it is what the tool does unasked. Raises ``ValueError`` for a choice or a number that is
    not known: a typing error may leave no face visible.
    """
    if unknown := sorted(set(choices) - {one.number for one in opened.faces}):
        raise ValueError(f"{opened.name}: has no face {unknown[0]}; its faces are 1 to {len(opened.faces)}")
    if wrong := sorted(set(choices.values()) - set(DO)):
        raise ValueError(f"{opened.name}: a face's choice is one of {', '.join(DO)}, not {wrong[0]!r}")
    chosen = Sight([])
    parts = {REPLACE: chosen.hidden, BLACKOUT: chosen.black, KEEP: chosen.left}
    for one in opened.faces:
        if one.number in choices:
            asked = replace(one.face, score=1.0, by=(*one.face.by, "hand"))
            parts[choices[one.number]].append(asked)
        else:
            parts[KEEP if one.do == KEEP else REPLACE].append(one.face)  # the options say how it is hidden
    return chosen


def steps(opened: Opened, options: Options, choices: Mapping[int, str]) -> Iterator[SessionStep]:
    """Anonymize a photo by ``choices``; the last step has the result, which holds no metadata."""
    photo = _decoded(opened.name, opened.content)
    for step in pipeline.steps(photo, options, sight(opened, choices)):
        if step.result is None:
            yield SessionStep(step.stage, step.done / max(1, step.total))
            continue
        result = step.result
        content = images.encode(result.photo) if result.targets or result.left else None
        hidden = [(target.method, target.reason) for target in result.targets]
        said = told(hidden, len(result.left), images.losses(result.photo))
        after = images.shrink(result.photo.pixels, SIDE)
        name = result_name(opened.name, result.photo)
        yield SessionStep("done", 1.0, Made(name, content, said, opened.preview, after))


def told(hidden: Iterable[tuple[str, str]], left: int, lost: Iterable[str]) -> str:
    """What became of faces, in words: those that were ``hidden``, as (method, reason), and those ``left``.

    ``lost`` is what of the file could not stay as it was.
    """
    became = Counter(
        f"{BECAME.get(method, 'replaced')}{f' ({reason})' if reason else ''}" for method, reason in hidden
    )
    became["left as asked"] += left
    counts = [f"{count} {what}" for what, count in became.items() if count]
    return "; ".join([", ".join(counts) or "no face found", *lost])


def result_name(name: str, photo: Photo) -> str:
    """``party.jpg`` -> ``party_anonymized.jpg``, with a suffix that says what the file is."""
    path, known = PurePath(name), exchange.FORMATS
    fits = known.get(path.suffix.lower()) == photo.format
    suffix = path.suffix if fits else next(s for s, kind in known.items() if kind == photo.format)
    return f"{path.stem}{ADDED}{suffix}"


def _decoded(name: str, content: bytes) -> Photo:
    return images.load(name, limits.MEGAPIXELS * 1_000_000, content)
