"""The rows of the evaluation's tables: what notebook 08 measured, as text, by column.

Every share is that of the judge that finds most (``headline``), in percent with its 95 % interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deid.anonymization.choices import BLACKOUT
from deid.anonymization.options import Options, parse
from deid.evaluation import headline
from deid.evaluation.attacks import FALSE_ACCEPT_RATES, accepts
from deid.evaluation.headline import OTHER
from deid.recognition import recognisers

Row = dict[str, str]
Share = Sequence[float]  # value, low, high

METHOD = "method"
FIXED, ADAPTIVE = "recognised, rank-1", "by the adaptive attacker"
AROUND = "from around the face"
DETECTED, DISTANCE, TOLD = "still detected", "Fréchet distance", "a machine tells, AUC"
JUDGED = "judged by"
NONE = "-"
DEFAULT = "the tool's default"
# Label -> the options of the case that it stands for; None leaves a photo as it is.
SHORT: dict[str, Options | None] = {
    "original photos": None,
    "black faces": Options(method=BLACKOUT, mask=Options().hole, verify=False),
    "weak blur": Options(method="blur", strength=0.05, verify=False),
    DEFAULT: Options(),
    "without its check": replace(Options(), verify=False),
}


def short(metrics: dict) -> list[Row]:
    """Five rows in plain words. Raises ``ValueError`` for a case that was not run."""
    known = {parse(case): case for case in metrics["cases"] if case != OTHER}
    if missing := [label for label, options in SHORT.items() if options not in known]:
        raise ValueError(f"no case of these metrics is {missing[0]!r}; run notebook 08 with it")
    columns = (FIXED, ADAPTIVE, AROUND, DETECTED)
    return [_chosen(label, known[options], metrics, columns) for label, options in SHORT.items()]


def every(metrics: dict) -> list[Row]:
    """A row for each case: who is found, and what is left to use."""
    asked = any("told" in found for found in metrics["cases"].values())
    use = (
        DETECTED,
        "landmark error",
        DISTANCE,
        *([TOLD] if asked else []),
        "seconds a photo",
        "people",
        JUDGED,
    )
    columns = (FIXED, ADAPTIVE, AROUND, *use)
    return [_chosen(label_of(case), case, metrics, columns) for case in metrics["cases"]]


def judges(metrics: dict) -> list[Row]:
    """A row for each case: rank-1 by each judge, of both attackers."""
    names = list(dict.fromkeys(name for case in metrics["cases"].values() for name in case["fixed"]))
    rows = []
    for case, found in metrics["cases"].items():
        cells = {
            f"{attacker}, {name}": percent(found.get(attacker, {}).get(name, {}).get("rank-1"))
            for attacker in headline.ATTACKERS
            for name in names
        }
        rows.append({METHOD: label_of(case)} | cells)
    return rows


def rates(metrics: dict) -> list[Row]:
    """A row for each case: rank-5, and true accepts at each false accept rate, of both attackers."""
    measures = {"rank-5": "rank-5"} | {f"at {100 * rate:g} %": accepts(rate) for rate in FALSE_ACCEPT_RATES}
    rows = []
    for case, found in metrics["cases"].items():
        cells = {
            f"{attacker}, {label}": percent(worst_of(found, attacker, measure))
            for attacker in headline.ATTACKERS
            for label, measure in measures.items()
        }
        rows.append({METHOD: label_of(case)} | cells)
    return rows


def spread(metrics: dict) -> list[Row]:
    """A row for each case: how alike new faces and their originals still are, by the fixed attacker."""
    rows = []
    for case, found in metrics["cases"].items():
        judge = max(found["fixed"], key=lambda name: found["fixed"][name]["area under curve"])
        report, use = found["fixed"][judge], found.get("usefulness", {})
        cells = {
            FIXED: percent(report["rank-1"]),
            "AUC": f"{report['area under curve']:.2f}",
            "similarity to the own original": f"{report['similarity to the own original'][0]:.2f}",
            "matches the face it replaces": percent(most(found.get("itself", {}))),
            DETECTED: percent(use["still detected"]) if use else NONE,
            "seconds a photo": _plain(use.get("seconds a photo")),
        }
        rows.append({METHOD: label_of(case)} | cells)
    return rows


def links(metrics: dict) -> list[Row]:
    """A row for each case whose faces were compared: with those they replace, each other, a library."""
    rows = []
    for case, found in metrics["cases"].items():
        if "itself" in found:
            cells = {
                "two photos linked, rank-1": percent(worst_of(found, "linked")),
                "with one seed": percent(worst_of(found, "linked, one seed")),
                "matches the face it replaces": percent(most(found.get("itself", {}))),
                "most like its reference": percent(most(found.get("as shown", {}))),
            }
            rows.append({METHOD: label_of(case)} | cells)
    return rows


def percent(share: Share | None) -> str:
    """A share in percent with its interval; "not run" for None."""
    if share is None:
        return "not run"
    value, low, high = (100 * part for part in share)
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"


def most(shares: Mapping[str, Share]) -> Share | None:
    """The largest of shares by judge; None where there is none."""
    return max(shares.values(), key=lambda share: share[0], default=None)


def number(interval: Share | None) -> str:
    """An area or a correlation with its interval; "not run" for None."""
    if interval is None:
        return "not run"
    value, low, high = interval
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def worst_of(found: dict, attacker: str, measure: str = "rank-1") -> Share | None:
    """What the judge that finds most gets; None where an attacker was not run, or not asked for it."""
    reports = {judge: report for judge, report in found.get(attacker, {}).items() if measure in report}
    return headline.worst(reports, measure)[1] if reports else None


def label_of(case: str) -> str:
    """The case, and whether it is what the tool does unasked."""
    return f"{case}: {DEFAULT}" if case != OTHER and parse(case) == Options() else case


def _chosen(label: str, case: str, metrics: dict, columns: Sequence[str]) -> Row:
    """The cells of a case in some columns, behind its label."""
    found, cases = metrics["cases"][case], metrics["cases"]
    use, around = found.get("usefulness", {}), headline.context(case)
    known = headline.strongest(cases, around)["share"] if around in cases else None
    cells = {
        FIXED: percent(worst_of(found, "fixed")),
        ADAPTIVE: percent(worst_of(found, "adaptive")),
        AROUND: percent(known) if around else NONE,
        DETECTED: percent(use["still detected"]) if use else NONE,
        "landmark error": _plain(use.get("landmark error")),
        DISTANCE: _plain(use.get("Frechet distance")),
        TOLD: number(found["told"]["AUC"] if "told" in found else None),
        JUDGED: ", ".join(name for name in found["fixed"] if name in recognisers.JUDGES),
        "seconds a photo": _plain(use.get("seconds a photo")),
        "people": str(found.get("people", metrics["people"])),
    }
    return {METHOD: label} | {name: cells[name] for name in columns}


def _plain(value: float | Share | None) -> str:
    if value is None:
        return NONE
    return f"{value:.3g}" if isinstance(value, float | int) else f"{value[0]:.3g}"
