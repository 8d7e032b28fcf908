"""How sex and age are learned: from faces that were looked at, then from what surrounds faces.

First the faces of a library whose pictures were labelled by eye teach to judge a face. These judgements, of
many photographed faces, teach to judge their surroundings (distillation; Hinton et al., 2015, arXiv
1503.02531): there are too few labelled pictures for that, and none is a photo.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from deid import storage
from deid.data.crops import FaceCrops
from deid.photo import masks
from deid.recognition import coherence, recognisers, traits
from deid.recognition.coherence import SIDE

HOLES = ("face", "face-120")
DECAY = 1e-4  # of weights
REPEATS = 3  # labelled surroundings are seen so often: they are few, but right
FOLDS = 5
STEPS = 200
PART = 50
WOMEN = 0.5  # of the people in photos, so that who judges them does not lean to one side


@dataclass(frozen=True)
class KnownFaces:
    """The recogniser's vectors of N ``faces`` (N, 128), the kinds of their ``surroundings`` (N, 64), and
    ``labels`` (N, 3), 0 or 1.
    """

    faces: Tensor
    surroundings: Tensor
    labels: Tensor


def labelled(
    names: Iterable[str],
    embeddings: Tensor,
    crops: Tensor,
    landmarks: Tensor,
    known: Mapping[str, Iterable[str]],
) -> KnownFaces:
    """References by ``names``; crops (N, 3, S, S), landmarks (N, 5, 2) as fractions; labels by trait."""
    shown = [set(known[trait]) for trait in traits.NAMES]
    labels = torch.tensor([[float(name in found) for found in shown] for name in names])
    return KnownFaces(embeddings, surroundings(crops, landmarks, HOLES[0]).clone(), labels)


def photographed(crops: FaceCrops) -> Iterator[tuple[Tensor, Tensor]]:
    """Part by part: vectors of faces (P, 128), kinds of their surroundings (H, P, 64) by ``HOLES``."""
    for rows in torch.arange(len(crops)).split(PART):
        faces, landmarks = crops.batch(rows), crops.landmarks[rows]
        embeddings = recognisers.embed_crops(coherence.RECOGNISER, faces, landmarks, 1)
        places = (landmarks + 0.5) / faces.shape[3]
        yield embeddings.clone(), torch.stack([surroundings(faces, places, hole) for hole in HOLES])


def surroundings(crops: Tensor, landmarks: Tensor, hole: str) -> Tensor:
    """The kinds (N, 64) that fit into crops (N, 3, S, S) without their faces; landmarks as fractions."""
    small = F.interpolate(crops, (SIDE, SIDE), mode="area")
    visible = [masks.frame_mask(hole, points.double() * SIDE - 0.5, SIDE) for points in landmarks]
    return coherence.kinds_around(small, torch.cat(visible), landmarks.float())


def learn(known: KnownFaces, photos: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """What ``traits.load`` returns, from labelled and ``photographed`` faces."""
    faces = torch.stack([_fit(known.faces, wanted, DECAY) for wanted in known.labels.T])
    taught, around = traits.likely(photos[0], faces), photos[1]
    taught[:, 0] = _with_mean(taught[:, 0], WOMEN)
    kinds = torch.cat([*around, *[known.surroundings] * REPEATS])
    wanted = torch.cat([*[taught] * len(around), *[known.labels] * REPEATS])
    surroundings = torch.stack([_fit(kinds, each, DECAY) for each in wanted.T])
    usual = traits.likely(around[0], surroundings).mean(0)
    return {"faces": faces, "surroundings": surroundings, "usual": usual}


def scores(known: KnownFaces, photos: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """How well each trait is told, (3,) as the area under the ROC curve, by faces and by surroundings.

    Of labelled faces that were not learned from (cross-validated).
    """
    fold = torch.randperm(len(known.labels), generator=torch.Generator().manual_seed(1)) % FOLDS
    found = {name: torch.zeros(len(known.labels), len(traits.NAMES)) for name in ("faces", "surroundings")}
    for k in range(FOLDS):
        apart = KnownFaces(*(part[fold != k] for part in (known.faces, known.surroundings, known.labels)))
        weights = learn(apart, photos)
        for name, part in found.items():
            part[fold == k] = traits.likely(getattr(known, name)[fold == k], weights[name])
        found["surroundings"][fold == k] = traits.likely(
            known.surroundings[fold == k], weights["surroundings"]
        )
    return {
        name: torch.stack([_auc(*pair) for pair in zip(part.T, known.labels.T, strict=True)])
        for name, part in found.items()
    }


def write(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write the weights as they ship."""
    storage.write_atomically(path, save({name: part.contiguous() for name, part in weights.items()}))


def _fit(vectors: Tensor, wanted: Tensor, decay: float) -> Tensor:
    """Weights and bias (D + 1,) for vectors (N, D) and likelihoods ``wanted`` (N,)."""
    weights = torch.zeros(vectors.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = vectors @ weights[:-1] + weights[-1]
        value = F.binary_cross_entropy_with_logits(logits, wanted) + decay * weights[:-1].square().sum()
        value.backward()
        return value

    optimiser.step(loss)  # type: ignore[arg-type]
    return weights.detach()


def _with_mean(likely: Tensor, mean: float) -> Tensor:
    """Likelihoods (N,) with all their logarithms of odds moved by as much, so that this is their mean."""
    logits, low, high = likely.clamp(1e-6, 1 - 1e-6).logit(), -20.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if (logits + middle).sigmoid().mean() < mean else (low, middle)
    return (logits + low).sigmoid()


def _auc(found: Tensor, labels: Tensor) -> Tensor:
    """The share of pairs (one with the label, one without) that are in the right order; ties count half."""
    yes, no = found[labels > 0.5][:, None], found[labels < 0.5][None]
    return ((yes > no).float() + 0.5 * (yes == no).float()).mean()
