"""What a face looks like, as far as it can be told: closed eyes, a grimace, sunglasses, unnatural colours.

A linear classifier for each reason on middle layers of the recogniser that ships: they still know where eyes
and mouth are and what they do. It was trained on portraits that were looked at one by one (``looks.json``) by
``python -m deid.references learn``, which also prints how often it is right.
"""

import json
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor

from deid.photo import alignment
from deid.photo.faces import from_landmarks
from deid.recognition import openface
from deid.references.fitting import mirror

LABELS = Path(__file__).with_suffix(".json")
WEIGHTS = Path(__file__).with_suffix(".safetensors")
SIDE = 256  # pixels of a crop that is looked at
LAYERS = ((1, 3), (2, 2))  # of the recogniser, and the side of the grid that each is averaged in
WIDTH = 5440  # of the features


def labels() -> dict[str, set[str]]:
    """Names of portraits that show what a reference must not, by reason."""
    content = json.loads(LABELS.read_text(encoding="utf-8"))
    return {reason: set(names) for reason, names in content.items() if reason != "what"}


def features(crop: Tensor, landmarks: Tensor) -> Tensor:
    """What is known of a crop (1, 3, S, S) as it is, and mirrored: (2, 5440).

    Channels of the recogniser's ``LAYERS``, averaged in the cells of a grid. ``landmarks`` (5, 2) are
    fractions of the side.
    """
    view = F.interpolate(crop, (SIDE, SIDE), mode="area") if crop.shape[3] != SIDE else crop
    found = []
    for pixels, points in ((view, landmarks), mirror(view, landmarks)):
        face = from_landmarks(points.double() * SIDE - 0.5)
        aligned = alignment.crop(pixels, openface.FRAME.matrix(face), openface.SIDE)
        with torch.inference_mode():
            maps = openface.load_openface().maps(aligned / 2 + 0.5)
        found.append(
            torch.cat([F.adaptive_avg_pool2d(maps[layer], grid).flatten() for layer, grid in LAYERS])
        )
    return torch.stack(found)


def reason(crop: Tensor, landmarks: Tensor) -> str:
    """The reason against a crop (see ``features``) that is seen most clearly, or an empty string."""
    names, scores = _scores(crop, landmarks)
    return names[int(scores.argmax())] if scores.max() > 0 else ""


def score(crop: Tensor, landmarks: Tensor, name: str) -> float:
    """How clearly one reason is seen in a crop (see ``features``): over zero it would be rejected."""
    names, scores = _scores(crop, landmarks)
    return scores[names.index(name)].item()


def _scores(crop: Tensor, landmarks: Tensor) -> tuple[list[str], Tensor]:
    """The reasons (R), and how clearly each is seen (R,)."""
    names, weights, bias = _classifier()
    return names, (features(crop, landmarks) @ weights.T).mean(0) + bias


@lru_cache(maxsize=1)
def _classifier() -> tuple[list[str], Tensor, Tensor]:
    """The reasons (R), weights (R, 5440) and bias (R), so that a score over zero is a rejection."""
    with safe_open(WEIGHTS, framework="pt") as file:
        names = json.loads(file.metadata()["reasons"])
        return names, file.get_tensor("weights").float(), file.get_tensor("bias").float()
