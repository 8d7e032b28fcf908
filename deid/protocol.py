"""The evaluation, case by case: every attacker and every measure on the same people, and the gates at the end."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from deid import attacks, evaluation, images, options, privacy, recognisers, reverser, usefulness
from deid.caching import kept
from deid.dataset import FaceCrops
from deid.evaluation import Person, Seen

OTHER = "other person"  # a case of its own: somebody else's photo, which nothing may recognise
PROBE, PARROT = 1, 10_001  # seeds: the attacker does not know those of the photos he is after


@dataclass(frozen=True)
class Study:
    """Who is looked for, who judges, and where what was seen is kept."""

    people: Sequence[Person]
    cache: Path
    judge: str = "dlib"

    def originals(self, side: str = "gallery") -> Seen:
        """The people's untouched photos: "gallery" or "probe"."""
        return self._seen(side, "original", PROBE if side == "probe" else 0)

    def after(self, case: str) -> Seen:
        """The probes after a method."""
        if case == OTHER:
            return self.originals("probe")[torch.arange(len(self.people)).roll(1)]
        return self._seen("probe", case, PROBE)

    def parrot(self, case: str) -> Seen:
        """The gallery after the same method, anonymized by the attacker."""
        return self._seen("gallery", case, PARROT)

    def _seen(self, side: str, case: str, seed: int) -> Seen:
        paths = [getattr(person, side) for person in self.people]
        return evaluation.look_at(paths, options.parse(case), self.cache, self.judge, seed)


def evaluate(study: Study, case: str, adaptive: bool = False) -> dict:
    """What is left of the people in a case: what attackers get, and what is left to use."""
    gallery, before, after = study.originals(), study.originals("probe"), study.after(case)
    found = {"fixed": attacks.fixed(after.vectors, gallery.vectors)}
    if adaptive:
        found["adaptive"] = attacks.adaptive(after.vectors, gallery.vectors, study.parrot(case).vectors)
    if case != OTHER:
        found["usefulness"] = usefulness.measure(before, after, gallery.pixels)
    return found


def reverse(study: Study, case: str, crops: FaceCrops, pairs: int, seen: int, seed: int = 0) -> tuple[dict, Tensor]:
    """Train a reverser on ``pairs`` of strangers' crops, ``seen`` images long -> what it gives back, restored probes.

    "restored" is judged against crops of the same size of the originals, and so is "as it is", the same crops before.
    What was learned is kept in the study's cache.
    """
    order = torch.randperm(len(crops), generator=torch.Generator().manual_seed(seed))[:pairs].tolist()

    def learn() -> dict[str, Tensor]:
        torch.manual_seed(seed)  # the layers' initialisation takes no generator
        network, pair = reverser.Reverser(), reverser.pairs(crops, options.parse(case), order)
        *_, last = reverser.train(network, *pair, images=seen, seed=seed)
        probes = study.after(case).pixels
        restored = reverser.restore(network, probes)
        shown = {"as it is": probes, "restored": restored, "gallery": study.originals().pixels}
        vectors = {name: recognisers.embed_crops(study.judge, part) for name, part in shown.items()}
        return vectors | {"crops": restored, "loss": torch.tensor(last.loss)}

    strangers = crops.batch(order[:16])  # enough to tell one dataset from another
    key = _reverser_key(study, case, strangers, [reverser.REVISION, order, seen, seed])
    known = kept(study.cache / f"reverser-{key}.safetensors", learn)
    found = {"pairs": len(order), "seen": seen, "loss": round(known["loss"].item(), 4)}
    for name in ("as it is", "restored"):
        found[name] = attacks.fixed(known[name], known["gallery"])
    return found, known["crops"]


def _reverser_key(study: Study, case: str, strangers: Tensor, settings: list) -> str:
    """A name for what a reverser made of a case: the photos before and after it, and what it learned from."""
    digest = hashlib.sha256(repr([recognisers.REVISION, study.judge, case, settings]).encode())
    for pixels in (study.after(case).crops, study.originals().crops, strangers):
        digest.update(pixels.numpy().tobytes())
    return digest.hexdigest()[:20]


def prove(judge: str, photos: str | Path, pairs: str | Path, cache: str | Path) -> dict:
    """The judge's accuracy on LFW's official pairs. Raises ``privacy.GateError`` unless it is as good as published.

    With the similarities that one in ten, a hundred and a thousand pairs of different people exceed. ``cache`` keeps
    what it made of the photos.
    """
    names, same = privacy.read_pairs(pairs)
    vectors = _vectors(judge, Path(photos), sorted({name for pair in names for name in pair}), Path(cache))
    similarity = torch.stack([vectors[a] @ vectors[b] for a, b in names])
    accuracy, recogniser = privacy.verification(similarity, same), recognisers.load(judge)
    if judge in recognisers.JUDGES:
        privacy.gate_recogniser(judge, accuracy, recogniser.published)
    passed = {str(rate): round(torch.quantile(similarity[~same].double(), 1 - rate).item(), 4)
              for rate in (0.1, 0.01, 0.001)}  # fmt: skip
    return {"name": judge, "accuracy": round(accuracy, 4), "published": recogniser.published, "similarity at": passed}


def proofs(photos: str | Path, pairs: str | Path, cache: str | Path) -> dict[str, dict]:
    """``prove`` for every recogniser by its name; one that cannot be had here says why instead ("skipped")."""
    found = {}
    for name in recognisers.NAMES:
        try:
            found[name] = prove(name, photos, pairs, cache)
        except recognisers.RecogniserError as error:
            found[name] = {"name": name, "skipped": str(error)}
    return found


def _vectors(judge: str, photos: Path, names: Sequence[str], cache: Path, chunk: int = 500) -> dict[str, Tensor]:
    """The judge's vector of each photo of LFW by its name, a chunk a file."""
    found: dict[str, Tensor] = {}
    for start in range(0, len(names), chunk):
        part = names[start : start + chunk]
        path = cache / f"lfw-{judge}-{recognisers.REVISION}-{len(names)}-{start}.safetensors"
        found |= kept(path, lambda part=part: {name: _vector(judge, photos, name) for name in part})
    return found


def _vector(judge: str, photos: Path, name: str) -> Tensor:
    path = next((path for suffix in images.SUFFIXES if (path := photos / f"{name}{suffix}").exists()), None)
    if path is None:
        raise images.ImageError(f"{photos}: {name} of the pairs is not there")
    photo = images.load(path)
    return recognisers.load(judge).embed(photo.pixels, evaluation.locate(photo)[:1])[0]


def check(results: dict[str, dict], people: int) -> None:
    """Raise ``privacy.GateError`` for results that cannot be."""
    rank_1 = {case: privacy.Interval(*found["fixed"]["rank-1"]) for case, found in results.items()}
    areas = [found["fixed"]["area under curve"] for found in results.values()]
    privacy.gate_results(rank_1, people, areas)
    for case, found in results.items():
        if "adaptive" in found:
            privacy.gate_attackers(case, rank_1[case], privacy.Interval(*found["adaptive"]["rank-1"]))
