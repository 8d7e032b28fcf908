"""What a generator remembers: are its faces nearer to the people it was trained on than strangers are?

Webster et al. (2021, arXiv 2107.06018) find training identities in GANs' samples. The same question, with a recogniser:
the nearest training identity of each sample, against the nearest one of each of so many real people who were not there.
"""

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid import drawing, games, inpainting, masks, privacy, quality, recognisers
from deid.caching import kept
from deid.dataset import FaceCrops
from deid.generators import files, formats, load_generator

SIDE = 64  # pixels of the crops that are compared


class Memory:
    """The people that networks learned from, as the judge sees them: unit vectors of ``learned``'s crops.

    They are kept in ``cache``: a recogniser takes long for twenty thousand faces.
    """

    def __init__(self, learned: FaceCrops, judge: str, cache: str | Path) -> None:
        self.learned, self.judge, self.cache = learned.at(SIDE), judge, Path(cache)
        path = Path(cache) / f"learned-{_key(self.learned, judge)}.safetensors"
        self.vectors = kept(path, self._embedded)["vectors"]

    def of(self, name: str, count: int, outside: Tensor, seed: int = 0) -> dict:
        """``leak`` and ``copies`` of ``count`` faces that the network ``name`` draws.

        ``outside`` (K, 3, 64, 64), aligned crops of strangers, one each: who a stranger's nearest is, and what is
        around the faces that a one-pass network draws. One of them who is in the training set after all, as celebrities
        are in many, makes the network look better than it is.
        """

        def look() -> dict[str, Tensor]:
            images, landmarks = draw(load_generator(name), count, outside, seed)
            vectors = recognisers.embed_crops(self.judge, images, landmarks)
            small = F.interpolate(images, (SIDE, SIDE), mode="area")
            strangers = recognisers.embed_crops(self.judge, outside)
            return {"images": small, "vectors": vectors, "strangers": strangers}

        weights = files.sha256(formats.locate(name))
        key = hashlib.sha256(repr((weights, count, seed, self.judge, recognisers.REVISION)).encode())
        key.update(outside.numpy().tobytes())
        drawn = kept(self.cache / f"drawn-{key.hexdigest()[:20]}.safetensors", look)
        found = leak(drawn["vectors"], drawn["strangers"], self.vectors)
        return found | {"nearest pairs": copies(drawn["images"], drawn["vectors"], self._pixels(), self.vectors)}

    def _embedded(self) -> dict[str, Tensor]:
        return {"vectors": recognisers.embed_crops(self.judge, self._pixels(), self.learned.landmarks)}

    def _pixels(self) -> Tensor:
        return self.learned.batch(range(len(self.learned)))


@torch.no_grad()
def draw(generator: nn.Module, count: int, outside: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Faces of a network (N, 3, R, R), and where their landmarks are (N, 5, 2).

    A one-pass network fills the faces of ``outside`` (K, 3, 64, 64), one after the other until there are enough, as the
    tool has it draw.
    """
    random = torch.Generator().manual_seed(seed)
    z, points = generator.sample_z(count, random), drawing.frame_of(generator).points()
    landmarks = points.expand(count, 5, 2)
    if generator.family != "onepass":
        drawn = [generator(part).float() for part in z.split(64)]
        return torch.cat(drawn).clamp(-1, 1), landmarks
    size = generator.resolution
    around = F.interpolate(outside, (size, size), mode="bicubic").clamp(-1, 1)[torch.arange(count) % len(outside)]
    hidden = games.hide(around, landmarks, masks.frame_mask("face", points, size).expand(count, -1, -1, -1))
    parts = zip(z.split(64), hidden.given.split(64), strict=True)
    return hidden.filled(torch.cat([generator(*part, inpainting.TRUNCATION) for part in parts])).clamp(-1, 1), landmarks


def nearest(vectors: Tensor, training: Tensor, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """The similarity (N,) of each unit vector (N, D) to the most alike of ``training`` (M, D), and which it is."""
    found = [(part @ training.T).max(1) for part in vectors.split(chunk)]
    return torch.cat([best.values for best in found]), torch.cat([best.indices for best in found])


def leak(samples: Tensor, strangers: Tensor, training: Tensor) -> dict:
    """Numbers for a generator's ``samples`` (N, D), for real ``strangers`` (K, D), each against ``training`` (M, D).

    "nearer than a stranger" is how often a sample lies nearer to its nearest training identity than a stranger to
    theirs: 0.5 is no trace. "same person" is the share over a similarity that one in a thousand pairs of strangers
    exceeds: with M people to look among, strangers have such a neighbour, too.
    """
    pairs = (strangers @ strangers.T)[~torch.eye(len(strangers), dtype=torch.bool)]
    same_person = torch.quantile(pairs[:1_000_000].double(), 0.999).item()
    own, theirs = nearest(samples, training)[0], nearest(strangers, training)[0]
    return {
        "samples": _record(own, same_person),
        "strangers": _record(theirs, same_person),
        "nearer than a stranger": round(privacy.area_under_curve(own, theirs), 4),
    }


def copies(samples: Tensor, vectors: Tensor, training: Tensor, training_vectors: Tensor, pairs: int = 20) -> dict:
    """The nearest ``pairs`` by identity, looked at by their pixels, not displayed: is one of them a copy?

    Images (N, 3, S, S), (M, 3, S, S) with their unit vectors. Root-mean-square differences; 2 is black on white.
    "by pixels" is the same faces' least difference to any training image.
    """
    similarity, index = nearest(vectors, training_vectors)
    rows = similarity.argsort(descending=True)[:pairs]
    apart = (samples[rows] - training[index[rows]]).square().mean((1, 2, 3)).sqrt()
    closest, _ = quality.nearest_distances(samples[rows], training)
    return {"by identity, least": round(apart.min().item(), 4), "by identity, median": round(apart.median().item(), 4),
            "by pixels, least": round(closest.min().item(), 4)}  # fmt: skip


def _record(similarity: Tensor, same_person: float) -> dict:
    return {
        "nearest identity": privacy.bootstrap(similarity).record(),
        "same person": privacy.bootstrap((similarity > same_person).double()).record(),
        "count": len(similarity),
    }


def _key(learned: FaceCrops, judge: str) -> str:
    what = [judge, recognisers.REVISION, *("/".join(path.parts[-4:]) for path in learned.paths)]
    return hashlib.sha256(repr(what).encode()).hexdigest()[:20]
