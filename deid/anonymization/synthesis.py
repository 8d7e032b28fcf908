"""Faces for the holes of a photo: everything in here sees what is visible, where the faces were, and seeds.

A ``Draft`` is made of a photo whose faces are hidden already; the original only comes back to be hidden anew.
"""

import itertools
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import compositing
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome, Target
from deid.inpainting.interface import MaskedFaces, Method, Step
from deid.photo import alignment, blending
from deid.photo.resampling import enlarge

# A fill whose surroundings are this far off (mean absolute difference, [-1, 1]) found no fitting face.
MAX_CONTEXTUAL = 0.45
# Less of the frame than this to go by, and a search would be guessing.
MIN_VISIBLE = 0.15
FACES_AT_ONCE = 8
MOST_PREVIEWS = 30  # of faces that appear one by one
FIT_SIDE = 128  # of a frame, in pixels, that colours are fitted in


@dataclass(frozen=True)
class DrawingProgress:
    """``done`` faces, one in the middle of its search counting in part, and a preview where one is due."""

    done: float
    preview: Tensor | None = None


def draw(draft: Draft, options: Options, preview_every: int = 0) -> Generator[DrawingProgress, None, Draft]:
    """Draw every face that has no fill yet -> the draft; a face that cannot be drawn is blacked out."""
    method = options.load_method()
    draft, views = _give_up_on_the_blind(draft)
    done = sum(outcome.fill is not None for outcome in draft.outcomes)
    wanted = list(views)
    for start, together in _batches(draft, wanted):
        crops, visible = (torch.cat(part) for part in zip(*(views[index] for index in together), strict=True))
        targets, begin = [draft.targets[index] for index in together], time.perf_counter()
        for step in method.draw(faces_of(crops, visible, targets, draft, options), options.search):
            every = preview_every if method.iterative and preview_every else 0
            show = every and step.iteration % every == 0
            extra = {index: step.images[k : k + 1].cpu() for k, index in enumerate(together)} if show else {}
            part = len(together) * step.iteration / options.iterations
            yield DrawingProgress(start + part, draft.preview(extra) if show else None)
        seconds = (time.perf_counter() - begin) / len(together)
        fits = fills_of(method, step.images.cpu(), crops, visible).split(1)
        for k, index in enumerate(together):
            target, outcome = judged(targets[k], draft.outcomes[index], step, k)
            fill = None if target.black else fits[k]
            draft = draft.at(index, target, replace(outcome, fill=fill, seconds=outcome.seconds + seconds))
            done += 1
            if preview_every and not method.iterative and done % -(-len(wanted) // MOST_PREVIEWS) == 0:
                yield DrawingProgress(done, draft.preview())
    return draft


def settle(draft: Draft, photo: Tensor, options: Options) -> Draft:
    """The draft with holes for what was blacked out meanwhile, and faces for what is seen beside them."""
    while (again := draft.hidden_again(photo)) is not draft:
        draft = finish(draw(again, options))
    return draft


def finish(drawing: Generator[DrawingProgress, None, Draft]) -> Draft:
    """The draft that a drawing ends with."""
    while True:
        try:
            next(drawing)
        except StopIteration as done:
            return done.value


def fit(fills: Tensor, crops: Tensor, visible: Tensor, smooth: bool = False) -> Tensor:
    """Fills (F, 3, S, S) with their colours matched to the surroundings and blended into them.

    ``smooth``: with a smooth rim, for methods that need it (``Method.smooth_rim``).
    """
    size = fills.shape[3]
    if size > FIT_SIDE:  # what is to be corrected varies slowly: it is found on fewer pixels
        few = [F.interpolate(part, (FIT_SIDE, FIT_SIDE), mode="area") for part in (fills, crops * visible)]
        clear = 1 - F.max_pool2d(1 - visible, size // FIT_SIDE)
        change = (fit(few[0], few[1] * clear, clear, smooth) - few[0]) * (1 - clear)
        change = enlarge(change, size)
        return (crops * visible + (fills + change) * (1 - visible)).clamp(-1, 1)
    blended = blending.poisson(blending.match_colour(fills, crops, visible), crops, visible)
    return blending.smooth_rim(blended, visible) if smooth else blended


def fills_of(method: Method, images: Tensor, crops: Tensor, visible: Tensor) -> Tensor:
    """What a method drew (F, 3, S, S), joined to what is visible."""
    if method.joined:
        return crops * visible + images * (1 - visible)
    return fit(images, crops, visible, method.smooth_rim)


def judged(target: Target, outcome: Outcome, step: Step, row: int) -> tuple[Target, Outcome]:
    """A target, and its outcome with the losses in one row of a step; a face that does not fit is black."""
    if step.references:
        target = replace(target, reference=step.references[row])
    losses = {name: value[row].item() for name, value in step.losses.items()}
    if not losses["contextual"] <= MAX_CONTEXTUAL:  # so written, NaN counts as well
        target = target.blacked_out("no face was found that fits its surroundings")
    return target, replace(outcome, losses=losses)


def _give_up_on_the_blind(draft: Draft) -> tuple[Draft, dict[int, tuple[Tensor, Tensor]]]:
    """The draft, and by position the views of the faces to be drawn.

    A face is black where next to nothing around it is visible.
    """
    views = {}
    for index, (target, outcome) in enumerate(zip(draft.targets, draft.outcomes, strict=True)):
        if target.black or outcome.fill is not None:
            continue
        crop, visible = compositing.view(draft.scene, target)
        if visible.mean() < MIN_VISIBLE:
            draft = draft.at(index, target.blacked_out("almost nothing around the face is visible"), outcome)
        else:
            views[index] = crop, visible
    return draft, views


def _batches(draft: Draft, wanted: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Positions that are drawn together, frames of one size each, and how many came before."""
    start = 0
    for _, alike in itertools.groupby(wanted, key=lambda index: draft.targets[index].frame.size):
        members = list(alike)
        for first in range(0, len(members), FACES_AT_ONCE):
            together = members[first : first + FACES_AT_ONCE]
            yield start, together
            start += len(together)


def faces_of(
    crops: Tensor, visible: Tensor, targets: Sequence[Target], draft: Draft, options: Options
) -> MaskedFaces:
    """What the method is told of ``targets``, and which of its people other faces show already."""
    shown = [target.reference for target in draft.targets if target.reference and not target.black]
    faces = MaskedFaces(
        *(crops, visible),
        [target.seed for target in targets],
        torch.stack([target.pose for target in targets]),
        [target.truncation for target in targets],
        [alignment.scale(target.matrix) * target.frame.size for target in targets],
        [target.reference for target in targets],
        [*dict.fromkeys(name for target in targets for name in target.avoid), *shown],
        [target.identity for target in targets],
        options.fitting,
    )
    return faces.to(next(options.load_method().generator.parameters()).device)
