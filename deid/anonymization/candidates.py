"""Several people for one face: what the check chooses among when a recogniser still knows a face."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from deid.anonymization import compositing, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome, Target
from deid.photo import alignment

LOOKED_AT = 256  # pixels of a frame that a recogniser is shown


class Candidate(NamedTuple):
    """A face drawn for one seed: its target and outcome, and a frame ``shown`` (1, 3, S, S) with the face's
    ``landmarks`` (5, 2) in it. A candidate that could not be drawn is black.
    """

    target: Target
    outcome: Outcome
    shown: Tensor
    landmarks: Tensor


def drawn_for(draft: Draft, index: int, seeds: Sequence[int], options: Options) -> Iterator[Candidate]:
    """A face drawn for other ``seeds``, each with another person while others are left.

    Where a method draws one by one, so does this, as long as more are asked for. Where it draws in frames of
    any size, it draws small ones: they are to be looked at, and who is chosen is still to be drawn in the
    target's own frame (no fill).
    """
    together, shown = 1 if options.load_method().one_by_one else len(seeds), list[str]()
    for start in range(0, len(seeds), together):
        for candidate in _together(draft, index, seeds[start : start + together], shown, options):
            shown += [candidate.target.reference] * bool(candidate.target.reference)
            yield candidate


def _together(
    draft: Draft, index: int, seeds: Sequence[int], avoid: list[str], options: Options
) -> Iterator[Candidate]:
    """As ``drawn_for``, drawn together, and none of those to ``avoid`` while others are left."""
    method, begin = options.load_method(), time.perf_counter()
    others = [draft.targets[index].reseeded(seed, options.placing) for seed in seeds]
    large = method.detailed and others[0].frame.size > LOOKED_AT
    places = [other.in_frame_of(LOOKED_AT, options.placing) for other in others] if large else others
    first, *more = places  # without jitter all are seen in the same place
    views = [compositing.view(draft.scene, first)]
    views += [compositing.view(draft.scene, other) for other in more] if options.jitter else views * len(more)
    crops, visible = (torch.cat(part) for part in zip(*views, strict=True))
    faces = synthesis.faces_of(crops, visible, places, draft.at(index, first, draft.outcomes[index]), options)
    *_, step = method.draw(replace(faces, avoid=[*faces.avoid, *avoid]), options.search)
    seconds = (time.perf_counter() - begin) / len(others)
    fills = synthesis.fills_of(method, step.images.cpu(), crops, visible)
    shown = crops * visible + fills * (1 - visible)
    for k, other in enumerate(others):
        target, outcome = synthesis.judged(other, draft.outcomes[index], step, k)
        fill = None if target.black or large else fills[k : k + 1]
        outcome = replace(outcome, fill=fill, seconds=outcome.seconds + seconds)
        landmarks = alignment.apply(alignment.invert(places[k].matrix), other.face.points())
        yield Candidate(target, outcome, shown[k : k + 1], landmarks)
