"""The check: a face that a recogniser still knows is drawn again, and in the end hidden completely.

What draws never sees a hidden pixel (``anonymization.synthesis``). This check does: it compares the result
with the original, and what it decides is a seed, a mask, or black, for each face. The manifest names all
three, so that a result can be repeated from the visible pixels and the manifest alone. It also names
similarities to the original, for whoever owns the photo: they say more about a face than the result does, and
a manifest is not to be published with it.
"""

import math
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import candidates, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome, Target
from deid.inpainting.interface import face_seeds
from deid.photo import detection
from deid.photo.faces import Face, from_landmarks, match
from deid.recognition import recognisers
from deid.recognition.recognisers import Recogniser

CANDIDATES = 8  # those of a library are of one kind, and fewer were often all alike
REDRAWN, AS_LARGE = 4, 3  # attempts after the first drawing; after so many the next is behind a larger mask
# A candidate is looked at in its frame; put into the photo, its similarity may rise by so much.
MARGIN = 0.05
# As different as a generator can make them: more to choose from.
TRUNCATION = 1.0
# Each hides all that the one before it does; where there is none, black is next.
LARGER = {"centre-32": "centre-50", "inner": "forehead", "face-120": "face-140"}
LARGER |= dict.fromkeys(("face-80", "face", "forehead", "turned"), "face-120")
RECOGNISED, UNKNOWN, BLACK = "recognised", "not recognised", "hidden completely"


@dataclass(frozen=True)
class Originals:
    """The untouched faces as a recogniser sees them: unit vectors (D,) by position; None if not seen."""

    recogniser: Recogniser
    threshold: float
    vectors: list[Tensor | None]

    def similarity(self, index: int, vector: Tensor) -> float:
        """How alike a vector (D,) is to the original at a position."""
        own = self.vectors[index]
        return float("nan") if own is None else (vector @ own).item()


def embed_originals(
    photo: Tensor, targets: Sequence[Target], outcomes: Sequence[Outcome], options: Options
) -> tuple[Originals, list[Outcome]]:
    """The faces of a photo (1, 3, H, W) as a recogniser sees them, and outcomes with ``before``.

    ``before`` is a face's similarity to itself at half the size: what the recogniser can make of such a face
    at all.
    """
    recogniser, after = recognisers.load(options.recogniser), list(outcomes)
    looked_at = [index for index, target in enumerate(targets) if not target.black]
    found = [targets[index].face for index in looked_at]
    smaller = [recogniser.embed(*_at_half_the_size(photo, face))[0] for face in found]
    vectors: list[Tensor | None] = [None] * len(targets)
    for index, own, other in zip(looked_at, recogniser.embed(photo, found), smaller, strict=True):
        vectors[index] = own
        after[index] = replace(outcomes[index], before=round((own @ other).item(), 2))
    return Originals(recogniser, threshold(options), vectors), after


def _at_half_the_size(photo: Tensor, face: Face) -> tuple[Tensor, list[Face]]:
    """What lies around a face of a photo (1, 3, H, W) at half the size, and the face in it."""
    x1, y1, x2, y2 = face.box
    reach = max(x2 - x1, y2 - y1)
    left, top = (max(0, 2 * int((low - reach) // 2)) for low in (x1, y1))
    part = photo[:, :, top : math.ceil(y2 + reach), left : math.ceil(x2 + reach)]
    half = F.interpolate(part, scale_factor=0.5, mode="bilinear", antialias=True)
    return half, [face.moved(-left, -top).scaled(0.5)]


def check(
    pixels: Tensor,
    targets: Sequence[Target],
    outcomes: Sequence[Outcome],
    originals: Originals,
    positions: Collection[int] | None = None,
) -> tuple[list[Outcome], list[int]]:
    """Compare an anonymized photo (1, 3, H, W) with the originals -> outcomes, and who is recognised.

    A face is looked at where it was, and where the detector finds one now; the larger similarity counts.
    ``positions``: those to look at, where the others are as they were at the last look.
    """
    faces = enumerate(zip(targets, originals.vectors, strict=True))
    known = [index for index, (target, own) in faces if not target.black and own is not None]
    smallest = min([targets[index].face.size for index in known], default=24) * 0.8
    looked_at = [index for index in known if positions is None or index in positions]
    again = detection.detect_large(pixels, 0.9, max(12, smallest)) if looked_at else []
    found = [targets[index].face for index in looked_at]
    now = [match(face, again) or face for face in found]
    vectors = [originals.recogniser.embed(pixels, where) for where in (found, now)]
    after, recognised = list(outcomes), []
    for index, *pair in zip(looked_at, *vectors, strict=True):
        similarity = (
            torch.stack([torch.tensor(originals.similarity(index, vector)) for vector in pair]).max().item()
        )
        alike = not similarity <= originals.threshold  # so written, NaN counts as recognised
        after[index] = _noted(outcomes[index], round(similarity, 2), alike)
        recognised += [index] if alike else []
    return after, recognised


def verify(photo: Tensor, draft: Draft, options: Options) -> Generator[Draft, None, Draft]:
    """Draw who is recognised again, round by round, until no face is; yields the draft of each round.

    ``photo`` (1, 3, H, W) is the original.
    """
    originals, outcomes = embed_originals(photo, draft.targets, draft.outcomes, options)
    draft = replace(draft, outcomes=outcomes).patched().assembled()
    outcomes, recognised = check(draft.finished(), draft.targets, outcomes, originals)
    draft = replace(draft, outcomes=outcomes)
    while recognised:
        checked = draft = replace(draft, photo=None)
        for index in recognised:
            draft = draft.at(index, *change(draft.targets[index], draft.outcomes[index], options))
        draft = draft.hidden_again(photo)
        for index in recognised:
            if not draft.targets[index].black:
                draft = choose(draft, index, originals, options)
        draft = draft.hidden_again(photo)  # a face that could not be drawn is black now, behind a larger mask
        draft = synthesis.settle(synthesis.finish(synthesis.draw(draft, options)), photo, options).patched()
        yield draft
        changed = draft.changed_since(checked)
        draft = draft.assembled()
        outcomes, recognised = check(draft.finished(), draft.targets, draft.outcomes, originals, changed)
        draft = replace(draft, outcomes=outcomes)
    return draft


def change(target: Target, outcome: Outcome, options: Options) -> tuple[Target, Outcome]:
    """What to do with a target that was recognised: the next attempt, or black."""
    outcome = replace(outcome, attempts=outcome.attempts + 1)
    target = replace(target, truncation=TRUNCATION, avoid=(*target.avoid, *filter(None, [target.reference])))
    larger = outcome.attempts > AS_LARGE
    if not options.draws or outcome.attempts > REDRAWN or (larger and target.mask not in LARGER):
        return cover(target, outcome, "still recognised")
    return replace(target, mask=LARGER[target.mask]) if larger else target, outcome


def cover(target: Target, outcome: Outcome, reason: str) -> tuple[Target, Outcome]:
    """Black, over more than what was hidden so far."""
    larger = replace(target, mask=LARGER.get(target.mask, target.mask))
    return larger.blacked_out(reason), replace(outcome, fill=None, verdict=BLACK)


def choose(draft: Draft, index: int, originals: Originals, options: Options) -> Draft:
    """Give a face the best fitting of ``CANDIDATES`` that are not too alike; where no loss says who fits, the
    first of those; where all are too alike, the least alike; black where none could be drawn.
    """
    ranked, seeds = list[tuple](), face_seeds(draft.targets[index].seed, CANDIDATES)
    for target, outcome, shown, points in candidates.drawn_for(draft, index, seeds, options):
        (vector,) = originals.recogniser.embed(shown, [from_landmarks(points)])
        above = originals.similarity(index, vector) - (originals.threshold - MARGIN)
        over = max(0.0, above) if above == above else float("inf")
        fit = outcome.losses.get("contextual", 0.0)
        ranked.append((target.black, over, fit, len(ranked), target, outcome))
        if options.load_method().one_by_one and not (over or target.black):
            break
    *_, target, outcome = min(ranked)
    if target.black:
        target, outcome = cover(target, outcome, target.reason)
    return draft.at(index, target, outcome)


def record(options: Options) -> dict | str:
    """What the manifest says of the check as a whole."""
    if not options.verify:
        return "off"
    known = {"recogniser": options.recogniser, "threshold": threshold(options)}
    known |= {"attempts": REDRAWN, "behind the same mask": AS_LARGE, "candidates": CANDIDATES}
    return known | {"margin": MARGIN, "truncation": TRUNCATION}


def threshold(options: Options) -> float:
    """The similarity over which a face counts as recognised. Raises ``ValueError`` where none is known."""
    known = recognisers.load(options.recogniser).threshold  # it has to be there even if it is not asked
    if not (options.threshold or known):
        raise ValueError(
            f"{options.recogniser}: no threshold was measured for it here; give one with --threshold"
        )
    return options.threshold or known


def _noted(outcome: Outcome, similarity: float, known: bool) -> Outcome:
    """An outcome with one more try, unless it is the same drawing looked at again."""
    tries = outcome.tries
    if len(tries) <= outcome.attempts or tries[-1] != similarity:
        tries = (*tries, similarity)
    return replace(outcome, tries=tries, verdict=RECOGNISED if known else UNKNOWN)
