"""Training what ``references.looks`` tells of a face, and how often it is right: logistic regression."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from deid import storage
from deid.photo.images import ImageError
from deid.references import looks
from deid.references.build import aligned, faces_of
from deid.references.gates import face_reason, pixel_reason
from deid.references.sources import PortraitSource

FOLDS = 5
DECAY = 3e-5  # of the weights: 5,440 of them are learned from 1,100 faces
STEPS = 60
# The share of labelled portraits that is to be found. A reference more or less does not matter, a grimace
# does: so much is wanted as does not cost a third of the good ones. Hands are not told well enough for that.
RECALL = {
    "closed eyes": 0.85,
    "open mouth": 0.85,
    "grimace": 0.65,
    "sunglasses": 0.9,
    "glasses": 0.9,
    "painted": 0.6,
    "hard shadow": 0.6,
    "coloured light": 0.6,
    "covered": 0.4,
}


@dataclass(frozen=True)
class LookScore:
    """How well one reason is told on portraits that were not trained on.

    Of ``labelled`` portraits the share ``recall`` is rejected; of all ``rejected`` ones, ``precision`` are.
    ``average`` is the average precision over all thresholds, ``threshold`` the score that was chosen.
    """

    labelled: int
    rejected: int
    precision: float
    recall: float
    average: float
    threshold: float


def examples(portraits: PortraitSource) -> Iterator[tuple[str, Tensor] | None]:
    """The name and the features (2, 5440) of each portrait that shows one clear face; else None."""
    for portrait in portraits:
        found = None
        if not isinstance(portrait, ImageError):
            pixels, faces = portrait.pixels, faces_of(portrait.pixels)
            if not face_reason(faces, (pixels.shape[3], pixels.shape[2])):
                crop, landmarks, _ = aligned(pixels, faces[0])
                found = None if pixel_reason(crop) else (portrait.name, looks.features(crop, landmarks))
        yield found


def fit(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (D,) and bias () for features (N, 2, D) and labels (N,), both mirror images of a face alike.

    The rarer class counts more, by the root of how rare it is.
    """
    rows, wanted = features.flatten(0, 1), labels.repeat_interleave(2)
    mean, spread = rows.mean(0), (rows.std(0) + 1e-3) * rows.shape[1] ** 0.5
    rows = (rows - mean) / spread
    weights, bias = torch.zeros(rows.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    share = torch.where(wanted > 0, ((len(wanted) - wanted.sum()) / wanted.sum()).sqrt(), torch.ones(()))
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        each = F.binary_cross_entropy_with_logits(rows @ weights + bias, wanted, reduction="none")
        value = (each * share).sum() / share.sum() + DECAY * weights.square().sum()
        value.backward()
        return value

    optimiser.step(loss)  # type: ignore[arg-type]
    scaled = weights.detach() / spread
    return scaled, bias.detach()[0] - mean @ scaled


def cross_validated(features: Tensor, labels: Tensor) -> Tensor:
    """Scores (N,) of features (N, 2, D), each by a classifier that did not see it."""
    folds = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1)) % FOLDS
    scores = torch.zeros(len(labels))
    for fold in range(FOLDS):
        weights, bias = fit(features[folds != fold], labels[folds != fold])
        scores[folds == fold] = (features[folds == fold] @ weights).mean(1) + bias
    return scores


def judged(scores: Tensor, labels: Tensor, recall: float) -> LookScore:
    """How good ``scores`` (N,) are, at the threshold that finds the share ``recall`` of the labels."""
    right = labels[scores.argsort(descending=True)] > 0
    hits, number = right.cumsum(0), int(right.sum())
    precision = hits / torch.arange(1, len(labels) + 1)
    last = int((hits >= recall * number).nonzero()[0, 0])
    threshold = scores.sort(descending=True).values[last].item()
    return LookScore(
        number,
        last + 1,
        precision[last].item(),
        hits[last].item() / number,
        precision[right].mean().item(),
        threshold,
    )


def learn(
    names: Sequence[str], features: Tensor, known: Mapping[str, set[str]], path: Path
) -> dict[str, LookScore]:
    """Train on all N examples, write the classifier to ``path``, and say how well each reason is told.

    ``features`` (N, 2, D); ``known``: names by reason, as ``looks.labels``.
    """
    table, weights, biases = {}, [], []
    named = set().union(*known.values())
    for reason, recall in RECALL.items():
        # Who is named for another reason may show this one, too.
        rows = [k for k, name in enumerate(names) if name in known[reason] or name not in named]
        labels = torch.tensor([names[k] in known[reason] for k in rows]).float()
        table[reason] = judged(cross_validated(features[rows], labels), labels, recall)
        own, bias = fit(features[rows], labels)
        weights.append(own)
        biases.append(bias - table[reason].threshold)
    tensors = {"weights": torch.stack(weights).half(), "bias": torch.stack(biases)}
    storage.write_atomically(path, save(tensors, metadata={"reasons": json.dumps(list(RECALL))}))
    return table
