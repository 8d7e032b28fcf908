"""The evaluation, case by case: every attacker and every judge on the same people, then the gates.

A case is a method with its options (``options.parse``). An attacker is a way to look for people; a judge is
the recogniser that it is done with. Which numbers count is said in ``evaluation.headline``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import options
from deid.evaluation import attacks, detectability, gates, headline, observations, resemblance, utility
from deid.evaluation.cohort import Person
from deid.evaluation.headline import OTHER
from deid.evaluation.observations import Observations
from deid.evaluation.statistics import Interval
from deid.recognition import recognisers
from deid.references.library import Library

ENSEMBLE = "ensemble"  # all judges together
PICTURES = 2  # of each person of a library, to say who is shown
PROBE_SEED, GALLERY_SEED = 1, 10_001  # the attacker does not know the seeds of the probes


@dataclass(frozen=True)
class Study:
    """Who is looked for, who judges, and where observations are stored.

    All ``people`` are in the gallery. In ``slow`` cases only the ``first`` so many of them are looked for.
    """

    people: Sequence[Person]
    cache: Path
    judges: tuple[str, ...] = ("dlib",)
    slow: Collection[str] = ()
    first: int = 0
    workers: int = 1

    def probes(self, case: str) -> Sequence[Person]:
        """Who is looked for in a case."""
        return self.people[: self.first] if case in self.slow else self.people

    def originals(self, side: str = "gallery") -> Observations:
        """The people's untouched photos: "gallery" or "probe"."""
        seed = PROBE_SEED if side == "probe" else 0
        return self._observed(self.people, side, "original", seed)

    def after(self, case: str) -> Observations:
        """The probes after a method."""
        if case == OTHER:
            return self.originals("probe")[torch.arange(len(self.people)).roll(1)]
        return self._observed(self.probes(case), "probe", case, PROBE_SEED)

    def anonymized_gallery(self, case: str, seed: int = GALLERY_SEED) -> Observations:
        """The gallery's photos of the probes' people after the same method, anonymized by the attacker.

        ``seed`` is that of the first photo.
        """
        return self._observed(self.probes(case), "gallery", case, seed)

    def traces(self, case: str, count: int = 0) -> dict[str, Tensor]:
        """What a detector sees of the first ``count`` probes, or all, after a case (``detectability``)."""
        chosen = self.people[: count or None]
        return detectability.describe([p.probe for p in chosen], case, self.cache, PROBE_SEED)

    def judges_of(self, case: str) -> list[str]:
        """Who may judge a case: not the recognisers of its own check."""
        known = None if case == OTHER else options.parse(case)
        checked = known.recognisers if known and known.verify else ()
        return [judge for judge in self.judges if judge not in checked]

    def vectors(self, case: str, **of: Observations) -> dict[str, dict[str, Tensor]]:
        """By judge of a case, and by name in ``of``, unit vectors (N, D); of two judges both together."""
        judges = self.judges_of(case)
        found = {judge: {name: part.vectors[judge] for name, part in of.items()} for judge in judges}
        if len(judges) > 1:
            origin = {judge: self.originals().vectors[judge].mean(0) for judge in judges}
            found[ENSEMBLE] = {
                name: attacks.ensemble({judge: part.vectors[judge] for judge in judges}, origin)
                for name, part in of.items()
            }
        return found

    def _observed(self, people: Sequence[Person], side: str, case: str, seed: int) -> Observations:
        paths = [getattr(person, side) for person in people]
        chosen = options.parse(case)
        return observations.observe(paths, chosen, self.cache, self.judges, seed, workers=self.workers)


def evaluate(study: Study, case: str, adaptive: bool = False) -> dict:
    """What is left of the people in a case: what attackers get, judge by judge, and what is left to use.

    "itself" is how often a new face matches the untouched one of its photo. With ``adaptive`` there are also
    "linked", how often two anonymized photos of a person match each other, and ``as_shown``.
    """
    gallery, before, after = study.originals(), study.originals("probe"), study.after(case)
    before = before[torch.arange(len(after.detected))]
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
    if adaptive:
        found["as shown"] = as_shown(study, case, after)
    return {name: part for name, part in found.items() if part} | {"people": len(after.detected)}


def as_shown(study: Study, case: str, after: Observations) -> dict[str, list[float]]:
    """How often a face is most like the person of the library it shows -> [value, low, high] by judge.

    Faces of one person only; empty where a case shows none.
    """
    single = (after.shown[:, 0] >= 0) & (after.shown[:, 1] < 0)
    chosen = None if case == OTHER else options.parse(case)
    if chosen is None or not single.any():
        return {}
    identities = [reference.identity for reference in Library.open(chosen.weights or None).references]
    names, found = list(dict.fromkeys(identities)), {}
    shown = torch.tensor([names.index(identities[row]) for row in after.shown[single, 0].tolist()])
    for judge in study.judges_of(case):
        found[judge] = attacks.as_shown(after.vectors[judge][single], _library(chosen.weights, judge), shown)
    return found


@lru_cache(maxsize=8)
def _library(weights: str, judge: str) -> Tensor:
    """Unit vectors (P, D) of a library's people, in their order there: the mean of a few pictures of each."""
    people = resemblance.of_library(Library.open(weights or None), judge, PICTURES)
    return torch.stack([F.normalize(own.mean(0), dim=0) for own in people.values()])


def linked_with_one_seed(study: Study, case: str) -> dict[str, dict]:
    """How often two photos of a person match that were anonymized with the same seed -> report by judge."""
    pair = {"after": study.after(case), "others": study.anonymized_gallery(case, PROBE_SEED)}
    return {judge: attacks.linked(*of.values()) for judge, of in study.vectors(case, **pair).items()}


def similarities(study: Study, cases: Sequence[str], judge: str) -> dict[str, Tensor]:
    """How alike photos are to a judge: (P,) of one person before, (K,) after each case, (P,) of others."""
    gallery = study.originals().vectors[judge]
    before = study.originals("probe").vectors[judge]
    found = {"the same person, untouched": (before * gallery).sum(1)}
    for case in cases:
        after = study.after(case).vectors[judge]
        found[case] = (after * gallery[: len(after)]).sum(1)
    return found | {"different people, untouched": (before * gallery.roll(1, 0)).sum(1)}


def tell(study: Study, case: str, count: int = 0) -> dict:
    """How well a machine tells the first ``count`` probes (0: all) after a case from untouched ones.

    As of ``detectability.tell``. Raises ``gates.GateError`` where it cannot tell black faces.
    """
    found = detectability.tell(study.traces(detectability.UNTOUCHED, count), study.traces(case, count))
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
        if (around := headline.context(case)) in results:
            pair = (Interval(*headline.strongest(results, name)["share"]) for name in (case, around))
            gates.gate_context(case, *pair)
