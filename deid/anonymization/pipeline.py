"""A photo in, a photo out: every face hidden first, then replaced.

The order is the proof: ``compositing.hide`` removes the pixels of all faces, and everything that draws sees
only what is left, where the faces were, and seeds. The check of the result (``anonymization.verification``)
compares it with the original, and what it decides is a seed, a mask, or black.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from deid.anonymization import compositing, obfuscation, synthesis, verification
from deid.anonymization.draft import Draft
from deid.anonymization.looking import find_faces as find_faces
from deid.anonymization.looking import look, smallest_searched
from deid.anonymization.options import KEEP, Options
from deid.anonymization.synthesis import DrawingProgress
from deid.anonymization.targets import Outcome, Target, plan
from deid.devices import resolve_device
from deid.photo import exchange
from deid.photo.faces import Face
from deid.photo.images import Photo


@dataclass(frozen=True, eq=False)
class Result:
    """The anonymized photo, its faces, which pixels were hidden (1, 1, H, W), and its status.

    ``targets`` and ``outcomes`` belong together by position. ``doubtful`` faces are still visible, for the
    caller to look at: they scored less than ``min_score`` and were left so, or lie in no box given by hand.
    ``smallest_searched`` is the smallest face, in pixels, looked for.
    """

    photo: Photo
    targets: list[Target]
    outcomes: list[Outcome]
    hidden: Tensor
    status: str
    smallest_searched: float = 0.0
    doubtful: list[Face] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """Progress on one photo.

    ``stage`` is "hidden", "search" or "done"; ``done`` faces of ``total`` (one in the middle of its search
    counts in part); where the caller asked for previews the photo so far (1, 3, H, W). "hidden" comes once
    more where the check changed faces: earlier previews show what was recognised. The last one carries
    ``result``.
    """

    stage: str
    done: float
    total: int
    preview: Tensor | None = None
    result: Result | None = None


def anonymize(
    photo: Any, options: Options | None = None, found: Sequence[Face] | None = None, **changes
) -> Result:
    """Replace every face of a photo: ``anonymize("party.jpg", seed=7)``.

    ``photo`` is a path, the bytes of a file, a Pillow image or an array (``photo.exchange.as_photo``).
    ``found`` gives the faces, without a detector; one that scores less than ``min_score`` is doubtful, as one
    that was detected would be. ``changes`` are fields of ``Options``. Deterministic: same
    photo, options and machine, same bytes. Raises ``ImageError`` for an unreadable file, ``ValueError`` and
    ``WeightsError`` for options that cannot be met.
    """
    options = replace(options or Options(), **changes)
    *_, last = steps(exchange.as_photo(photo, options.metadata), options, found)
    assert last.result is not None
    return last.result


def steps(
    photo: Photo, options: Options, found: Sequence[Face] | None = None, preview_every: int = 0
) -> Iterator[Progress]:
    """The same in steps, with a preview every so many iterations of a search (0: none).

    A preview never shows a hidden face.
    """
    smallest = smallest_searched(photo, options)
    doubtful: list[Face] = []
    if found is None:
        found, doubtful = look(photo, options)
        found = found if options.doubtful == KEEP else [*found, *doubtful]
    targets = plan_targets(found, options)
    if not targets:
        nothing = torch.zeros_like(photo.pixels[:, :1])
        result = replace(_result(photo, [], [], nothing), status="no face found")
    elif options.draws:
        draft = yield from _drawn(photo.pixels, targets, options, preview_every)
        pixels = draft.finished()
        result = _result(replace(photo, pixels=pixels), draft.targets, draft.outcomes, draft.scene.hidden)
    else:
        result = _obfuscated(photo, targets, options)
    result = with_visible(replace(result, smallest_searched=smallest), doubtful)
    preview = result.photo.pixels if preview_every and targets else None
    yield Progress("done", len(targets), len(targets), preview=preview, result=result)


def with_visible(result: Result, faces: Sequence[Face]) -> Result:
    """The result that says of these faces which are still visible."""
    return replace(result, doubtful=[face for face in faces if not compositing.covered(face, result.hidden)])


def plan_targets(found: Sequence[Face], options: Options) -> list[Target]:
    """A target for each face under these options, in the frame that the method knows, far ones first."""
    if not (options.draws and found):
        return plan(found, options)
    return plan(found, options, options.load_method().frame_for)


def check_options(options: Options) -> None:
    """Raise what would fail on the first photo: a device, weights or a recogniser that is not there."""
    resolve_device(options.device)
    if options.draws:
        options.load_method()
    if options.verify:
        verification.threshold(options)


def _drawn(
    photo: Tensor, targets: list[Target], options: Options, preview_every: int
) -> Generator[Progress, None, Draft]:
    """Hide the faces of a photo (1, 3, H, W), draw them and, unless switched off, check them."""
    draft, total = Draft.of(photo, targets), len(targets)
    yield Progress("hidden", 0, total, draft.scene.pixels if preview_every else None)
    drawing = synthesis.draw(draft, options, preview_every)
    draft = synthesis.settle((yield from _told(drawing, total)), photo, options)
    if options.verify:
        checking = verification.verify(photo, draft, options)
        draft = yield from _told_again(checking, total, preview_every)
    return draft


def _told(drawing: Generator[DrawingProgress, None, Draft], total: int) -> Generator[Progress, None, Draft]:
    """The progress of a drawing as that of the photo."""
    while True:
        try:
            made = next(drawing)
        except StopIteration as finished:
            return finished.value
        yield Progress("search", made.done, total, made.preview)


def _told_again(
    checking: Generator[Draft, None, Draft], total: int, preview_every: int
) -> Generator[Progress, None, Draft]:
    """The rounds of a check. Previews from before a round show what was recognised: drop them."""
    while True:
        try:
            draft = next(checking)
        except StopIteration as finished:
            return finished.value
        yield Progress("hidden", 0, total, draft.scene.pixels if preview_every else None)
        yield Progress("search", total, total, draft.preview() if preview_every else None)


def _obfuscated(photo: Photo, targets: list[Target], options: Options) -> Result:
    """A classical method; who is recognised behind a blur or a mosaic is blacked out."""
    outcomes = [Outcome() for _ in targets]
    scene, outcomes = obfuscation.obfuscate(photo.pixels, targets, outcomes, options.strength)
    if options.verify:
        originals, outcomes = verification.embed_originals(photo.pixels, targets, outcomes, options)
        outcomes, recognised = verification.check(scene.pixels, targets, outcomes, originals)
        for index in recognised:
            targets[index], outcomes[index] = verification.change(targets[index], outcomes[index], options)
        if recognised:
            scene, outcomes = obfuscation.obfuscate(photo.pixels, targets, outcomes, options.strength)
    return _result(replace(photo, pixels=scene.pixels), targets, outcomes, scene.hidden)


def _result(photo: Photo, targets: list[Target], outcomes: list[Outcome], hidden: Tensor) -> Result:
    return Result(photo, targets, outcomes, hidden, "anonymized")
