"""Ways to harmonise a reference, measured where the right answer is known.

``python -m deid.evaluation.harmonization FOLDER... [--limit N] [--light 0.1]`` takes dataset folders
(notebook 01), hides each face, and prints a JSON line for each way. Two references are shown in each hole:
the face itself under another light, and the face of the next crop. The right answer is the hidden face: all
of it for the first, its tone and its light for the second. ``none`` shows the references as they are.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.data.crops import FaceCrops
from deid.evaluation import image_quality
from deid.inpainting.guessing import Guesser
from deid.inpainting.interface import MaskedFaces
from deid.photo import masks
from deid.photo.colour import lab
from deid.references import fitting, harmonizing
from deid.references.harmonizing import Harmonizer
from deid.training import disturbing

SIZE = 256
FINE, COARSE = 8, 32  # squares, in pixels, whose means are compared: of the face itself, of another one


@dataclass(frozen=True)
class Case:
    """A face (1, 3, S, S), its frame with a guess in the hole, and a reference shown inside ``weight``."""

    kind: str
    face: Tensor
    frame: Tensor
    visible: Tensor
    reference: Tensor
    weight: Tensor


def cases(crops: FaceCrops, light: float = 1.0, seed: int = 0) -> Iterator[Case]:
    """Two cases for each crop: its own face as the reference, and that of the next crop.

    ``light``: what the photos are left with, of 1; the references are not darkened.
    """
    crops, guesser, random = crops.at(SIZE), Guesser(), torch.Generator().manual_seed(seed)
    for index in range(len(crops)):
        other = (index + 1) % len(crops)
        bright, landmarks = crops.batch([index]), crops.landmarks[index]
        face = (bright + 1) * light ** (1 / 2.2) - 1  # sRGB codes about the 2.2nd root of light
        visible = masks.frame_mask("face", landmarks.double(), SIZE)
        masked = MaskedFaces(face, visible, [0], landmarks[None])
        frame = guesser.guess(masked).frames(masked)
        weight = 1 - masks.frame_mask("face-80", landmarks.double(), SIZE)
        yield Case("own", face, frame, visible, disturbing.recoloured(bright, random), weight)
        fitted = fitting.warp(crops.batch([other]), crops.landmarks[other], landmarks)
        yield Case("other", face, frame, visible, fitted, weight)


def none(frame: Tensor, visible: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """The reference as it is; as a ``Harmonizer``."""
    del frame, visible, weight
    return reference


WAYS: dict[str, Harmonizer] = {"none": none, **harmonizing.HARMONIZERS}


def measure(case: Case, way: Harmonizer) -> dict[str, float]:
    """How far a harmonised reference is from the face that was hidden.

    ``colour``: mean difference in L*a*b* (CIE76). ``light``: how much the difference in L* varies over the
    face. ``rim``: the step along the edge of the reference, less the face's own, in grey levels.
    """
    made = way(case.frame, case.visible, case.reference, case.weight)
    cell = FINE if case.kind == "own" else COARSE
    share = F.avg_pool2d(case.weight, cell)[0, 0]
    apart = (_means(made, case.weight, cell) - _means(case.face, case.weight, cell))[0][:, share > 0.3]
    outside = 1 - case.weight
    steps = [
        image_quality.edge_step(case.face * outside + shown * case.weight, outside).item()
        for shown in (made, case.face)
    ]
    return {
        "colour": apart.norm(dim=0).mean().item(),
        "light": apart[0].std(correction=0).item(),
        "rim": steps[0] - steps[1],
    }


@torch.no_grad()
def compare(crops: FaceCrops, light: float = 1.0, seed: int = 0) -> dict[str, dict[str, float]]:
    """The mean of every measure, by way: "own colour", "other light" and so on."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in WAYS}
    for case in cases(crops, light, seed):
        for name, way in WAYS.items():
            for measure_name, value in measure(case, way).items():
                found[name].setdefault(f"{case.kind} {measure_name}", []).append(value)
    return {
        name: {key: round(sum(values) / len(values), 2) for key, values in rows.items()}
        for name, rows in found.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """The command line: one JSON line for each way."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.harmonization", description=summary)
    parser.add_argument("crops", nargs="+", type=Path, metavar="FOLDER", help="dataset folders")
    parser.add_argument("--limit", type=int, help="the first so many crops")
    parser.add_argument("--light", type=float, default=1.0, help="what photos are left with (%(default)s)")
    given = parser.parse_args(arguments)
    crops = FaceCrops(given.crops, given.limit)
    for name, row in compare(crops, given.light).items():
        print(json.dumps({"way": name, "faces": len(crops), "light": given.light} | row), flush=True)


def _means(images: Tensor, weight: Tensor, cell: int) -> Tensor:
    """L*a*b* of means over squares of ``cell`` pixels, inside ``weight`` only."""
    means = F.avg_pool2d(images * weight, cell) / F.avg_pool2d(weight, cell).clamp(min=1e-3)
    return lab(means)


if __name__ == "__main__":
    main()
