"""A photo in, a photo out: every face hidden first, then replaced.

The order is the proof: ``compositing.hide`` removes the pixels of all faces, and everything that draws sees
only what is left, where the faces were, and seeds. The check of the result (``anonymization.verification``)
compares it with the original, and what it decides is a seed, a mask, or black.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from deid.anonymization import compositing, obfuscation, regions, synthesis, verification
from deid.anonymization.albums import Album
from deid.anonymization.choices import BLACKOUT
from deid.anonymization.draft import Draft
from deid.anonymization.looking import Sight, decide, smallest_searched
from deid.anonymization.looking import find_faces as find_faces
from deid.anonymization.options import Options
from deid.anonymization.results import Progress, Result
from deid.anonymization.synthesis import DrawingProgress
from deid.anonymization.targets import Outcome, Target, plan
from deid.devices import resolve_device
from deid.photo import exchange
from deid.photo.faces import Face
from deid.photo.images import Photo


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
    photo: Photo,
    options: Options,
    found: Sequence[Face] | Sight | None = None,
    preview_every: int = 0,
    album: Album | None = None,
) -> Iterator[Progress]:
    """The same in steps, with a preview every so many iterations of a search (0: none).

    A preview never shows a hidden face. ``album``: the photos before this one, whose people stay the same.
    """
    smallest = smallest_searched(photo, options)
    sight = decide(photo, options) if found is None else found
    sight = sight if isinstance(sight, Sight) else Sight(list(sight))
    covered = regions.hide(photo.pixels, sight.regions)
    black = regions.hide(photo.pixels, [region for region in sight.regions if region.do == BLACKOUT]).hidden
    photo, targets = replace(photo, pixels=covered.pixels), _targets(sight, options, black)
    if album:
        targets, numbers = album.assign(photo.pixels, targets)
    if not targets:
        nothing = torch.zeros_like(photo.pixels[:, :1])
        result = replace(_result(photo, [], [], nothing), status="no face found")
    elif options.draws:
        draft = yield from _drawn(photo.pixels, targets, options, preview_every)
        pixels = draft.finished()
        result = _result(replace(photo, pixels=pixels), draft.targets, draft.outcomes, draft.scene.hidden)
    else:
        result = _obfuscated(photo, targets, options)
    if album:
        album.remember(result.targets, numbers)
    pixels = result.photo.pixels
    if sight.regions:
        pixels = pixels.masked_fill(black > 0.5, -1)  # over faces as well
    result = replace(
        result,
        photo=replace(result.photo, pixels=pixels),
        hidden=torch.maximum(result.hidden, covered.hidden),
        smallest_searched=smallest,
        left=sight.left,
        regions=sight.regions,
        status=result.status if targets or not (sight.left or sight.regions) else "anonymized",
    )
    result = with_visible(result, sight.doubtful)
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


def _targets(sight: Sight, options: Options, black: Tensor) -> list[Target]:
    """A target for each face that is to be hidden, but for those under a black region (1, 1, H, W)."""
    found = [face for face in [*sight.hidden, *sight.black] if not compositing.covered(face, black)]
    planned = plan_targets(found, options)
    asked = [any(target.face is face for face in sight.black) for target in planned]
    return [
        target.blacked_out("asked for") if black and not target.black else target
        for target, black in zip(planned, asked, strict=True)
    ]


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
