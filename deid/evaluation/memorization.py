"""What a generator remembers: are its faces nearer to the people it was trained on than strangers are?

Webster et al. (2021, arXiv 2107.06018) find training identities in GANs' samples. The same question, with a
recogniser: the nearest training identity of each sample, against the nearest one of each of so many real
people who were not there.
"""

import hashlib
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import inpainting, storage
from deid.data.crops import FaceCrops
from deid.evaluation import image_quality
from deid.evaluation.identification import area_under_curve
from deid.evaluation.statistics import bootstrap
from deid.generators import load_generator
from deid.generators.weights import loading
from deid.inpainting import Method
from deid.recognition import recognisers

SIDE = 64  # pixels of the crops that are compared


class Memory:
    """The people that networks learned from, as the judge sees them: unit vectors of ``learned``'s crops.

    They are stored in ``cache``: a recogniser needs long for twenty thousand faces.
    """

    def __init__(self, learned: FaceCrops, judge: str, cache: str | Path) -> None:
        self.learned, self.judge, self.cache = learned.at(SIDE), judge, Path(cache)
        path = Path(cache) / f"learned-{_key(self.learned, judge)}.safetensors"
        self.vectors = storage.cached(path, self._embedded)["vectors"]

    def of(self, network: str, count: int, outside: Tensor, seed: int = 0) -> dict:
        """``leak`` and ``copies`` of ``count`` faces that a ``network`` draws.

        ``network`` is a bundled name ("dcgan-64") or a weights file. ``outside`` (K, 3, 64, 64), aligned
        crops of strangers, one each: who a stranger's nearest is, and what is around the faces that a
        one-pass network draws. A stranger who is in the training set after all, as celebrities are in many,
        makes the network look better than it is.
        """

        def drawn() -> dict[str, Tensor]:
            images, landmarks = draw_samples(method_of(network), count, outside, seed)
            vectors = recognisers.embed_crops(self.judge, images, landmarks)
            small = F.interpolate(images, (SIDE, SIDE), mode="area")
            strangers = recognisers.embed_crops(self.judge, outside)
            return {"images": small, "vectors": vectors, "strangers": strangers}

        weights = storage.sha256(loading.locate(network))
        key = hashlib.sha256(repr((weights, count, seed, self.judge, recognisers.REVISION)).encode())
        key.update(outside.numpy().tobytes())
        known = storage.cached(self.cache / f"drawn-{key.hexdigest()[:20]}.safetensors", drawn)
        found = leak(known["vectors"], known["strangers"], self.vectors)
        pairs = copies(known["images"], known["vectors"], self._pixels(), self.vectors)
        return found | {"nearest pairs": pairs}

    def _embedded(self) -> dict[str, Tensor]:
        return {"vectors": recognisers.embed_crops(self.judge, self._pixels(), self.learned.landmarks)}

    def _pixels(self) -> Tensor:
        return self.learned.batch(range(len(self.learned)))


def method_of(network: str) -> Method:
    """The method that draws with a ``network``, by its family. Raises ``WeightsError`` if it is missing."""
    return inpainting.load_method(load_generator(network).family, network)


def draw_samples(method: Method, count: int, outside: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Faces of a method's network (N, 3, R, R), and where their landmarks are (N, 5, 2).

    A method that looks at the surroundings fills the faces of ``outside`` (K, 3, 64, 64), one after the other
    until there are enough, as the tool does.
    """
    generator: Any = method.generator
    z = generator.sample_z(count, torch.Generator().manual_seed(seed))
    return method.sample(z, outside), method.frame.points().expand(count, 5, 2)


def nearest(vectors: Tensor, training: Tensor, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """The similarity (N,) of vectors (N, D) to the nearest of ``training`` (M, D), and which it is (N,)."""
    found = [(part @ training.T).max(1) for part in vectors.split(chunk)]
    return torch.cat([best.values for best in found]), torch.cat([best.indices for best in found])


def leak(samples: Tensor, strangers: Tensor, training: Tensor) -> dict:
    """How near a generator's ``samples`` (N, D) and real ``strangers`` (K, D) are to ``training`` (M, D).

    "nearer than a stranger" is how often a sample lies nearer to its nearest training identity than a
    stranger to theirs: 0.5 is no trace. "same person" is the share over a similarity that one in a thousand
    pairs of strangers exceeds: with M people to look among, strangers have such a neighbour, too.
    """
    pairs = (strangers @ strangers.T)[~torch.eye(len(strangers), dtype=torch.bool)]
    same_person = torch.quantile(pairs[:1_000_000].double(), 0.999).item()
    own, theirs = nearest(samples, training)[0], nearest(strangers, training)[0]
    return {
        "samples": _record(own, same_person),
        "strangers": _record(theirs, same_person),
        "nearer than a stranger": round(area_under_curve(own, theirs), 4),
    }


def copies(
    samples: Tensor, vectors: Tensor, training: Tensor, training_vectors: Tensor, pairs: int = 20
) -> dict:
    """The nearest ``pairs`` by identity, looked at by their pixels, not displayed: is one of them a copy?

    Images (N, 3, S, S), (M, 3, S, S) with their unit vectors. Root-mean-square differences; 2 is black on
    white. "by pixels" is the same faces' least difference to any training image.
    """
    similarity, index = nearest(vectors, training_vectors)
    rows = similarity.argsort(descending=True)[:pairs]
    apart = (samples[rows] - training[index[rows]]).square().mean((1, 2, 3)).sqrt()
    closest, _ = image_quality.nearest_distances(samples[rows], training)
    return {
        "by identity, least": round(apart.min().item(), 4),
        "by identity, median": round(apart.median().item(), 4),
        "by pixels, least": round(closest.min().item(), 4),
    }


def _record(similarity: Tensor, same_person: float) -> dict:
    return {
        "nearest identity": bootstrap(similarity).record(),
        "same person": bootstrap((similarity > same_person).double()).record(),
        "count": len(similarity),
    }


def _key(learned: FaceCrops, judge: str) -> str:
    what = [judge, recognisers.REVISION, *("/".join(path.parts[-4:]) for path in learned.paths)]
    return hashlib.sha256(repr(what).encode()).hexdigest()[:20]
