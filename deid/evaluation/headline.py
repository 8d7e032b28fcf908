"""The number that counts: what the strongest attacker gets, by the judge that finds most.

Whoever has an anonymized photo can make the new face black, for the manifest says where it is, and look for
people by what is around it. So no method leaves less than black faces do (``context``).
"""

from collections.abc import Mapping
from typing import TypedDict

from deid.anonymization import options
from deid.anonymization.choices import BLACKOUT
from deid.anonymization.options import Options

ATTACKERS = ("fixed", "adaptive")
OTHER = "other person"  # a case of its own: another person's photo, which nothing may recognise


class Strongest(TypedDict):
    """A share [value, low, high], who found so many, and by which judge."""

    share: list[float]
    attacker: str
    judge: str


def context(case: str) -> str:
    """The case that leaves what lies around the hole of this one, in black; "" where there is no hole."""
    known = None if case == OTHER else options.parse(case)
    if known is None:
        return ""
    return BLACKOUT if known.hole == Options(method=BLACKOUT).hole else f"{BLACKOUT} mask={known.hole}"


def worst(reports: Mapping[str, dict], measure: str = "rank-1") -> tuple[str, list[float]]:
    """The judge that finds most by a ``measure`` of its report, and the share [value, low, high] it finds."""
    judge = max(reports, key=lambda name: reports[name][measure][0])
    return judge, reports[judge][measure]


def strongest(results: Mapping[str, dict], case: str, measure: str = "rank-1") -> Strongest:
    """What the strongest attacker gets in a case; looking at its ``context`` counts where that was run."""
    found, around = [], context(case)
    for name in dict.fromkeys([case, around]):
        for attacker in ATTACKERS:
            if reports := results.get(name, {}).get(attacker):
                judge, share = worst(reports, measure)
                label = attacker if name == case else f"context, {attacker}"
                found.append(Strongest(share=share, attacker=label, judge=judge))
    return max(found, key=lambda one: one["share"][0])


def by_attacker(results: Mapping[str, dict]) -> dict[str, dict[str, list[float]]]:
    """Rank-1 of each case by the judge that finds most, [value, low, high] by attacker and case.

    "context" is the stronger of both attackers who look at the ``context`` of a case.
    """
    found: dict[str, dict[str, list[float]]] = {
        attacker: {case: worst(part[attacker])[1] for case, part in results.items() if part.get(attacker)}
        for attacker in ATTACKERS
    }
    around = {case: context(case) for case in results}
    known = {case: strongest(results, name)["share"] for case, name in around.items() if name in results}
    return found | {"context": known}


def brief(case: str) -> str:
    """A case's name for figures: a setting's value alone where it says enough."""
    words = []
    for word in case.split():
        name, _, value = word.partition("=")
        if name == "verify":
            words.append("(checked)")
        elif name not in ("starts", "iterations"):
            words.append(value if name in ("mask", "strength") else word)
    return " ".join(words)
