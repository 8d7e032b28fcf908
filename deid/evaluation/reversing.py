"""The attacker who learns from strangers to undo a method, and then looks for people in what it restores."""

import hashlib

import torch
from torch import Tensor

from deid import storage
from deid.anonymization import options
from deid.data.crops import FaceCrops
from deid.evaluation import attacks, reconstruction
from deid.evaluation.protocol import Study
from deid.evaluation.reconstruction import Lesson, Reverser
from deid.recognition import recognisers


def reverse(study: Study, case: str, crops: FaceCrops, lesson: Lesson) -> tuple[dict, Tensor]:
    """What a reverser that learned from strangers' ``crops`` gives back -> numbers, probes (N, 3, 64, 64).

    "restored" is judged, by every judge, against crops of the same size of the originals, and so is "as it
    is", the same crops before. What was learned is stored in the study's cache.
    """
    order = lesson.order(len(crops))
    strangers = crops.batch(order[:16])  # enough to tell one dataset from another
    settings = [reconstruction.REVISION, order, lesson.seen, lesson.seed]
    path = study.cache / f"reverser-{_reverser_key(study, case, strangers, settings)}.safetensors"
    known = storage.cached(path, lambda: _restored(study, case, crops, lesson))
    found: dict = {"pairs": len(order), "seen": lesson.seen, "loss": round(known["loss"].item(), 4)}
    for name in ("as it is", "restored"):
        found[name] = {
            judge: attacks.fixed(known[f"{name} {judge}"], known[f"gallery {judge}"])
            for judge in study.judges
        }
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
    vectors = {
        f"{name} {judge}": recognisers.embed_crops(judge, part)
        for name, part in shown.items()
        for judge in study.judges
    }
    return vectors | {"crops": restored, "loss": torch.tensor(last.loss)}


def _reverser_key(study: Study, case: str, strangers: Tensor, settings: list) -> str:
    """A name for what a reverser made of a case: the photos before and after it, and what it learned from."""
    digest = hashlib.sha256(repr([recognisers.REVISION, study.judges, case, settings]).encode())
    for pixels in (study.after(case).crops, study.originals().crops, strangers):
        digest.update(pixels.numpy().tobytes())
    return digest.hexdigest()[:20]
