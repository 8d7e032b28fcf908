"""What is wanted of the tool's default, and whether it holds."""

from collections.abc import Callable
from typing import NamedTuple

from deid.anonymization.options import Options, parse
from deid.evaluation import headline
from deid.evaluation.attacks import accepts
from deid.evaluation.headline import OTHER
from deid.evaluation.rows import Row, Share, most, number, percent, worst_of

STRICT = accepts(0.001)


class Goal(NamedTuple):
    """A share of a case, which is to be at most ``limit``, or at least; without a limit it is reported.

    ``said``: how it is written.
    """

    name: str
    share: Callable[[dict], Share | None]
    limit: float | None = None
    least: bool = False
    said: Callable[[Share | None], str] = percent


GOALS = (
    Goal("found by the fixed attacker, rank-1", lambda found: worst_of(found, "fixed"), 0.02),
    Goal("accepted by it at 0.1 % false accepts", lambda found: worst_of(found, "fixed", STRICT), 0.005),
    Goal("found by the adaptive attacker, rank-1", lambda found: worst_of(found, "adaptive"), 0.05),
    Goal("new faces that match the one they replace", lambda found: most(found.get("itself", {})), 0.01),
    Goal(
        "photos in which a face is still found", lambda found: _use(found, "still detected"), 0.99, least=True
    ),
    Goal("mouth open, correlation", lambda found: _use(found, "mouth open correlation"), said=number),
    Goal("eyes open, correlation", lambda found: _use(found, "eyes open correlation"), said=number),
)


def goals(metrics: dict) -> list[Row]:
    """A row for each goal: what was wanted, what was found, and whether it holds.

    The last two rows are what is around the face, which no setting changes. Raises ``ValueError`` where the
    default was not run.
    """
    cases = metrics["cases"]
    case = next((name for name in cases if name != OTHER and parse(name) == Options()), None)
    if case is None:
        raise ValueError("no case of these metrics is the tool's default; run notebook 08 with it")
    rows = [_row(goal, goal.share(cases[case])) for goal in GOALS]
    around = cases.get(headline.context(case), {})
    for attacker in headline.ATTACKERS:
        floor = Goal(f"found by what is around the face, {attacker} attacker", lambda found: None)
        rows.append(_row(floor, worst_of(around, attacker)))
    return rows


def _row(goal: Goal, share: Share | None) -> Row:
    return {
        "goal": goal.name,
        "wanted": _wanted(goal),
        "found": goal.said(share),
        "holds": _holds(share, goal),
    }


def _wanted(goal: Goal) -> str:
    if goal.limit is None:
        return "-"
    return f"at {'least' if goal.least else 'most'} {100 * goal.limit:g} %"


def _use(found: dict, name: str) -> Share | None:
    return found.get("usefulness", {}).get(name)


def _holds(share: Share | None, goal: Goal) -> str:
    """Whether a goal holds: with its whole interval, as measured only, or not."""
    if goal.limit is None or share is None:
        return "-"
    value, low, high = (-part if goal.least else part for part in share)
    limit = -goal.limit if goal.least else goal.limit
    if max(low, high) <= limit:
        return "yes"
    return "as measured; the interval reaches beyond" if value <= limit else "**no**"
