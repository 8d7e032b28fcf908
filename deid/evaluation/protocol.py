"""The evaluation, case by case: every attacker and every measure on the same people, then the gates."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from deid import storage
from deid.anonymization import options
from deid.data.crops import FaceCrops
from deid.evaluation import (
    attacks,
    detectability,
    gates,
    identification,
    observations,
    reconstruction,
    utility,
)
from deid.evaluation.observations import Observations, Person
from deid.evaluation.reconstruction import Lesson, Reverser
from deid.evaluation.statistics import Interval
from deid.photo import images
from deid.recognition import choices, recognisers

OTHER = "other person"  # a case of its own: another person's photo, which nothing may recognise
CHUNK = 500  # photos of LFW between two files
PROBE_SEED, GALLERY_SEED = 1, 10_001  # the attacker does not know the seeds of the probes


@dataclass(frozen=True)
class Study:
    """Who is looked for, who judges, and where observations are stored."""

    people: Sequence[Person]
    cache: Path
    judge: str = "dlib"

    def originals(self, side: str = "gallery") -> Observations:
        """The people's untouched photos: "gallery" or "probe"."""
        return self._observed(side, "original", PROBE_SEED if side == "probe" else 0)

    def after(self, case: str) -> Observations:
        """The probes after a method."""
        if case == OTHER:
            return self.originals("probe")[torch.arange(len(self.people)).roll(1)]
        return self._observed("probe", case, PROBE_SEED)

    def anonymized_gallery(self, case: str) -> Observations:
        """The gallery after the same method, anonymized by the attacker."""
        return self._observed("gallery", case, GALLERY_SEED)

    def traces(self, case: str) -> dict[str, Tensor]:
        """What a detector sees of the probes after a case (``detectability.describe``)."""
        return detectability.describe([p.probe for p in self.people], case, self.cache, PROBE_SEED)

    def _observed(self, side: str, case: str, seed: int) -> Observations:
        paths = [getattr(person, side) for person in self.people]
        return observations.observe(paths, options.parse(case), self.cache, self.judge, seed)


def evaluate(study: Study, case: str, adaptive: bool = False) -> dict:
    """What is left of the people in a case: what attackers get, and what is left to use."""
    gallery, before, after = study.originals(), study.originals("probe"), study.after(case)
    found = {"fixed": attacks.fixed(after.vectors, gallery.vectors)}
    if adaptive:
        anonymized = study.anonymized_gallery(case).vectors
        found["adaptive"] = attacks.adaptive(after.vectors, gallery.vectors, anonymized)
    if case != OTHER:
        found["usefulness"] = utility.measure_utility(before, after, gallery.pixels)
    return found


def tell(study: Study, case: str) -> dict:
    """How well a machine tells the probes after a case from untouched ones (``detectability.tell``).

    Raises ``gates.GateError`` where it cannot tell black faces.
    """
    found = detectability.tell(study.traces(detectability.UNTOUCHED), study.traces(case))
    if case == detectability.COVERED:
        gates.gate_detector(Interval(*found["AUC"]))
    return found


def reverse(study: Study, case: str, crops: FaceCrops, lesson: Lesson) -> tuple[dict, Tensor]:
    """What a reverser that learned from strangers' ``crops`` gives back -> numbers, probes (N, 3, 64, 64).

    "restored" is judged against crops of the same size of the originals, and so is "as it is", the same crops
    before. What was learned is stored in the study's cache.
    """
    order = lesson.order(len(crops))
    strangers = crops.batch(order[:16])  # enough to tell one dataset from another
    settings = [reconstruction.REVISION, order, lesson.seen, lesson.seed]
    path = study.cache / f"reverser-{_reverser_key(study, case, strangers, settings)}.safetensors"
    known = storage.cached(path, lambda: _restored(study, case, crops, lesson))
    found: dict = {"pairs": len(order), "seen": lesson.seen, "loss": round(known["loss"].item(), 4)}
    for name in ("as it is", "restored"):
        found[name] = attacks.fixed(known[name], known["gallery"])
    return found, known["crops"]


def _restored(study: Study, case: str, crops: FaceCrops, lesson: Lesson) -> dict[str, Tensor]:
    """Restored probes ("crops", (N, 3, 64, 64)), the last loss, and vectors (N, D) to judge them by."""
    undone = options.parse(case)
    if undone is None:
        raise ValueError(f"{case}: nothing was done to these photos, so there is nothing to undo")
    torch.manual_seed(lesson.seed)  # the layers' initialisation has no generator of its own
    network, pairs = Reverser(), reconstruction.training_pairs(crops, undone, lesson.order(len(crops)))
    *_, last = reconstruction.train_reverser(network, *pairs, lesson.seen, lesson.seed)
    probes = study.after(case).pixels
    restored = reconstruction.restore(network, probes)
    shown = {"as it is": probes, "restored": restored, "gallery": study.originals().pixels}
    vectors = {name: recognisers.embed_crops(study.judge, part) for name, part in shown.items()}
    return vectors | {"crops": restored, "loss": torch.tensor(last.loss)}


def _reverser_key(study: Study, case: str, strangers: Tensor, settings: list) -> str:
    """A name for what a reverser made of a case: the photos before and after it, and what it learned from."""
    digest = hashlib.sha256(repr([recognisers.REVISION, study.judge, case, settings]).encode())
    for pixels in (study.after(case).crops, study.originals().crops, strangers):
        digest.update(pixels.numpy().tobytes())
    return digest.hexdigest()[:20]


def prove(judge: str, photos: str | Path, pairs: str | Path, cache: str | Path) -> dict:
    """The judge's accuracy on LFW's official pairs.

    Raises ``gates.GateError`` unless it is as good as published. With the similarities that one in ten, a
    hundred and a thousand pairs of different people exceed. What is made of the photos is stored in
    ``cache``.
    """
    names, same = identification.read_pairs(pairs)
    vectors = _vectors(judge, Path(photos), sorted({name for pair in names for name in pair}), Path(cache))
    similarity = torch.stack([vectors[a] @ vectors[b] for a, b in names])
    accuracy, recogniser = identification.verification_accuracy(similarity, same), recognisers.load(judge)
    if judge in recognisers.JUDGES:
        gates.gate_recogniser(judge, accuracy, recogniser.published)
    others = similarity[~same].double()
    passed = {str(rate): round(torch.quantile(others, 1 - rate).item(), 4) for rate in (0.1, 0.01, 0.001)}
    known = {"name": judge, "accuracy": round(accuracy, 4), "published": recogniser.published}
    return known | {"similarity at": passed}


def proofs(photos: str | Path, pairs: str | Path, cache: str | Path) -> dict[str, dict]:
    """``prove`` for every recogniser by name; one that cannot be had here says why instead ("skipped")."""
    found = {}
    for name in choices.NAMES:
        try:
            found[name] = prove(name, photos, pairs, cache)
        except recognisers.RecogniserError as error:
            found[name] = {"name": name, "skipped": str(error)}
    return found


def _vectors(judge: str, photos: Path, names: Sequence[str], cache: Path) -> dict[str, Tensor]:
    """The judge's vector (D,) of each photo of LFW by its name, a chunk a file."""
    found: dict[str, Tensor] = {}
    for start in range(0, len(names), CHUNK):
        part = names[start : start + CHUNK]
        path = cache / f"lfw-{judge}-{recognisers.REVISION}-{len(names)}-{start}.safetensors"
        found |= storage.cached(path, partial(_vectors_of, judge, photos, part))
    return found


def _vectors_of(judge: str, photos: Path, names: Sequence[str]) -> dict[str, Tensor]:
    return {name: _vector(judge, photos, name) for name in names}


def _vector(judge: str, photos: Path, name: str) -> Tensor:
    path = next((path for suffix in images.SUFFIXES if (path := photos / f"{name}{suffix}").exists()), None)
    if path is None:
        raise images.ImageError(f"{photos}: {name} of the pairs is not there")
    photo = images.load(path)
    return recognisers.load(judge).embed(photo.pixels, observations.locate_faces(photo)[:1])[0]


def check_results(results: dict[str, dict], people: int, judge: str = "") -> None:
    """Raise ``gates.GateError`` for results that cannot be."""
    rank_1 = {case: Interval(*found["fixed"]["rank-1"]) for case, found in results.items()}
    areas = [found["fixed"]["area under curve"] for found in results.values()]
    gates.gate_results(rank_1, people, areas, judge)
    for case, found in results.items():
        if "adaptive" in found:
            gates.gate_attackers(case, rank_1[case], Interval(*found["adaptive"]["rank-1"]))
