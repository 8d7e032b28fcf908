"""Gates: a number that cannot be true stops the run before it is printed."""

import math
from collections.abc import Sequence

from deid.anonymization.choices import BLACKOUT
from deid.evaluation.statistics import Interval

SURROUNDINGS = {"mobilefacenet": 0.05}  # what a judge may tell from hair and clothes around a black face
WITHIN = 0.005  # of its published accuracy, or a recogniser does not judge


class GateError(RuntimeError):
    """A number that cannot be true: the run stops instead of printing it."""


def gate_recogniser(name: str, accuracy: float, published: float) -> None:
    """Raise ``GateError`` unless a recogniser is as good on LFW as published, within half a point."""
    if accuracy < published - WITHIN:
        told = f"{name}: {accuracy:.2%} on LFW's pairs, {published:.2%} is published"
        raise GateError(f"{told}: it is not set up right")


def gate_attackers(name: str, fixed: Interval, adaptive: Interval) -> None:
    """Raise ``GateError`` where an attacker who knows more gets less than another, beyond both intervals."""
    if adaptive.high < fixed.low:
        told = f"the adaptive attacker gets {adaptive.value:.1%}, the fixed one {fixed.value:.1%}"
        raise GateError(f"{name}: {told}: it cannot be")


def gate_context(name: str, strongest: Interval, context: Interval) -> None:
    """Raise ``GateError`` where less is said to be found than around the hole, beyond both intervals.

    Anyone can make the new face black: a smaller number only means that this was not asked.
    """
    if strongest.high < context.low:
        told = f"{strongest.value:.1%} are found, and {context.value:.1%} by what is around the face"
        raise GateError(f"{name}: {told}: it cannot be")


def gate_results(
    rank_1: dict[str, Interval], people: int, auc: Sequence[float] = (), judge: str = ""
) -> None:
    """Raise ``GateError`` for results that cannot be.

    These are originals under 90 %, black faces above chance (and what surroundings tell a strong ``judge``),
    and an area under the curve under 0.5. Where nothing is left an area lies on either side of 0.5: it counts
    as under it beyond two standard errors.
    """
    original, chance = rank_1.get("original"), 1 / people
    if original and original.value < 0.9:
        raise GateError(f"original: rank-1 {original.value:.1%} is under 90 %: the protocol is broken")
    for case, black in rank_1.items():
        if case.split()[0] == BLACKOUT and black.low > chance + SURROUNDINGS.get(judge, 0):
            raise GateError(f"{case}: rank-1 at least {black.low:.1%}, chance is {chance:.1%}: a leak")
    if any(value < 0.5 - 2 / math.sqrt(12 * people) for value in auc):
        raise GateError(f"an area under the curve of {min(auc):.3f}: similarities are turned around")


def gate_detector(black: Interval) -> None:
    """Raise ``GateError`` where a detector does not see black faces: its other numbers mean nothing then."""
    if black.high < 0.99:
        raise GateError(f"blackout: told with an area of {black.value:.2f}: the detector learned nothing")
