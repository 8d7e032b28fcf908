"""The evaluation, case by case: every attacker and every judge on the same people, then the gates.

A case is a method with its options (``options.parse``). An attacker is a way to look for people; a judge is the
recogniser that it is done with. The judge that finds most people is the one that counts (``worst``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from deid.anonymization import options
from deid.evaluation import attacks, detectability, gates, observations, utility
from deid.evaluation.observations import Observations, Person
from deid.evaluation.statistics import Interval
from deid.recognition import recognisers

OTHER = "other person"  # a case of its own: another person's photo, which nothing may recognise
CONTEXT = "blackout"  # a case that leaves only what lies around the face
ENSEMBLE = "ensemble"  # all judges together
PROBE_SEED, GALLERY_SEED = 1, 10_001  # the attacker does not know the seeds of the probes


@dataclass(frozen=True)
class Study:
    """Who is looked for, who judges, and where observations are stored."""

    people: Sequence[Person]
    cache: Path
    judges: tuple[str, ...] = ("dlib",)

    def originals(self, side: str = "gallery") -> Observations:
        """The people's untouched photos: "gallery" or "probe"."""
        return self._observed(side, "original", PROBE_SEED if side == "probe" else 0)

    def after(self, case: str) -> Observations:
        """The probes after a method."""
        if case == OTHER:
            return self.originals("probe")[torch.arange(len(self.people)).roll(1)]
        return self._observed("probe", case, PROBE_SEED)

    def anonymized_gallery(self, case: str, seed: int = GALLERY_SEED) -> Observations:
        """The gallery after the same method, anonymized by the attacker; ``seed`` is that of its first photo."""
        return self._observed("gallery", case, seed)

    def traces(self, case: str) -> dict[str, Tensor]:
        """What a detector sees of the probes after a case (``detectability.describe``)."""
        return detectability.describe([p.probe for p in self.people], case, self.cache, PROBE_SEED)

    def judges_of(self, case: str) -> list[str]:
        """Who may judge a case: not the recognisers of its own check."""
        known = None if case == OTHER else options.parse(case)
        checked = known.recognisers if known and known.verify else ()
        return [judge for judge in self.judges if judge not in checked]

    def vectors(self, case: str, **of: Observations) -> dict[str, dict[str, Tensor]]:
        """By judge of a case, and by name in ``of``, unit vectors (P, D); with two judges also of both."""
        judges, origin = self.judges_of(case), {}
        for judge in judges:
            origin[judge] = self.originals().vectors[judge].mean(0)
        found = {judge: {name: part.vectors[judge] for name, part in of.items()} for judge in judges}
        if len(judges) > 1:
            found[ENSEMBLE] = {
                name: attacks.ensemble({judge: part.vectors[judge] for judge in judges}, origin)
                for name, part in of.items()
            }
        return found

    def _observed(self, side: str, case: str, seed: int) -> Observations:
        paths = [getattr(person, side) for person in self.people]
        return observations.observe(paths, options.parse(case), self.cache, self.judges, seed)


def evaluate(study: Study, case: str, adaptive: bool = False) -> dict:
    """What is left of the people in a case: what attackers get, judge by judge, and what is left to use.

    "itself" is how often a new face matches the untouched one of its photo; with ``adaptive`` there is also
    "linked": how often two anonymized photos of a person match each other.
    """
    gallery, before, after = study.originals(), study.originals("probe"), study.after(case)
    parts = {"gallery": gallery, "before": before, "after": after}
    if adaptive:
        parts["anonymized"] = study.anonymized_gallery(case)
    found: dict = {name: {} for name in ("fixed", "adaptive", "linked", "itself")}
    for judge, of in study.vectors(case, **parts).items():
        found["fixed"][judge] = attacks.fixed(of["after"], of["gallery"])
        found["itself"][judge] = attacks.itself(of["before"], of["after"], of["gallery"])
        if adaptive:
            found["adaptive"][judge] = attacks.adaptive(of["after"], of["gallery"], of["anonymized"])
            found["linked"][judge] = attacks.linked(of["after"], of["anonymized"])
    if case == OTHER:
        del found["itself"]
    else:
        found["usefulness"] = utility.measure_utility(before, after, gallery.pixels)
    return {name: part for name, part in found.items() if part}


def linked_with_one_seed(study: Study, case: str) -> dict[str, dict]:
    """How often two photos of a person match that were anonymized with the same seed -> report by judge."""
    pair = {"after": study.after(case), "others": study.anonymized_gallery(case, PROBE_SEED)}
    return {judge: attacks.linked(*of.values()) for judge, of in study.vectors(case, **pair).items()}


def similarities(study: Study, cases: Sequence[str], judge: str) -> dict[str, Tensor]:
    """How alike photos are to a judge: (P,) of the same person before, after each case, and (K,) of others."""
    gallery = study.originals().vectors[judge]
    before = study.originals("probe").vectors[judge] @ gallery.T
    found = {"the same person, untouched": before.diagonal()}
    for case in cases:
        found[case] = (study.after(case).vectors[judge] * gallery).sum(1)
    return found | {"different people, untouched": before.roll(1, 1).diagonal()}


def worst(reports: Mapping[str, dict], measure: str = "rank-1") -> tuple[str, list[float]]:
    """The judge that finds most, and what it finds: [value, low, high] of a ``measure`` of ``reports``."""
    judge = max(reports, key=lambda name: reports[name][measure][0])
    return judge, reports[judge][measure]


def tell(study: Study, case: str) -> dict:
    """How well a machine tells the probes after a case from untouched ones (``detectability.tell``).

    Raises ``gates.GateError`` where it cannot tell black faces.
    """
    found = detectability.tell(study.traces(detectability.UNTOUCHED), study.traces(case))
    if case == detectability.COVERED:
        gates.gate_detector(Interval(*found["AUC"]))
    return found


def check_results(results: Mapping[str, dict], people: int) -> None:
    """Raise ``gates.GateError`` for results that cannot be, by any judge."""
    judges = {judge for found in results.values() for judge in found["fixed"] if judge in recognisers.JUDGES}
    for judge in sorted(judges):
        judged = {case: found["fixed"][judge] for case, found in results.items() if judge in found["fixed"]}
        rank_1 = {case: Interval(*report["rank-1"]) for case, report in judged.items()}
        gates.gate_results(rank_1, people, [report["area under curve"] for report in judged.values()], judge)
    for case, found in results.items():
        for judge, report in found.get("adaptive", {}).items():
            pair = (Interval(*part["rank-1"]) for part in (found["fixed"][judge], report))
            gates.gate_attackers(f"{case}, judged by {judge}", *pair)
