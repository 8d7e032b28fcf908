"""Is a recogniser set up right? Its accuracy on the official pairs of Labelled Faces in the Wild (LFW).

``python -m deid.evaluation.proving NAME PHOTOS PAIRS [--cache FOLDER]`` prints it as a JSON line.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from deid import storage
from deid.evaluation import gates, identification, observations
from deid.evaluation.workers import spread
from deid.photo import images
from deid.recognition import recognisers
from deid.recognition.choices import TOGETHER

CHUNK = 500  # photos of LFW between two files


def prove(judge: str, photos: str | Path, pairs: str | Path, cache: str | Path, workers: int = 1) -> dict:
    """The judge's accuracy on LFW's official pairs.

    Raises ``gates.GateError`` unless it is as good as published. With the similarities that one in ten, a
    hundred and a thousand pairs of different people exceed. What is made of the photos is stored in
    ``cache``; ``workers``: in how many processes.
    """
    names, same = identification.read_pairs(pairs)
    people = sorted({name for pair in names for name in pair})
    vectors = _vectors(judge, Path(photos), people, Path(cache), workers)
    similarity = torch.stack([vectors[a] @ vectors[b] for a, b in names])
    accuracy, recogniser = identification.verification_accuracy(similarity, same), recognisers.load(judge)
    if judge in recognisers.JUDGES:
        gates.gate_recogniser(judge, accuracy, recogniser.published)
    others = similarity[~same].double()
    passed = {str(rate): round(torch.quantile(others, 1 - rate).item(), 4) for rate in (0.1, 0.01, 0.001)}
    known = {"name": judge, "accuracy": round(accuracy, 4), "published": recogniser.published}
    return known | {"similarity at": passed}


def proofs(photos: str | Path, pairs: str | Path, cache: str | Path, workers: int = 1) -> dict[str, dict]:
    """``prove`` for every recogniser by name; one that cannot be had here says why instead ("skipped")."""
    found = {}
    for name in recognisers.NAMES:
        try:
            found[name] = prove(name, photos, pairs, cache, workers)
        except recognisers.RecogniserError as error:
            found[name] = {"name": name, "skipped": str(error)}
    return found


def _vectors(judge: str, photos: Path, names: Sequence[str], cache: Path, workers: int) -> dict[str, Tensor]:
    """The judge's vector (D,) of each photo of LFW by its name, a chunk a file."""
    if TOGETHER in judge:  # made of what both have stored
        first, second = (_vectors(name, photos, names, cache, workers) for name in judge.split(TOGETHER))
        return {name: recognisers.together(first[name][None], second[name][None])[0] for name in names}
    tasks = []
    for start in range(0, len(names), CHUNK):
        path = cache / f"lfw-{judge}-{recognisers.REVISION}-{len(names)}-{start}.safetensors"
        tasks.append((path, judge, photos, names[start : start + CHUNK]))
    spread(_chunk, [task for task in tasks if not task[0].exists()], workers)
    found: dict[str, Tensor] = {}
    for task in tasks:
        found |= _chunk(*task)
    return found


def _chunk(path: Path, judge: str, photos: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """The vectors of some photos, from ``path`` where they are."""
    return storage.cached(path, lambda: {name: _vector(judge, photos, name) for name in names})


def _vector(judge: str, photos: Path, name: str) -> Tensor:
    path = next((path for suffix in images.SUFFIXES if (path := photos / f"{name}{suffix}").exists()), None)
    if path is None:
        raise images.ImageError(f"{photos}: {name} of the pairs is not there")
    photo = images.load(path)
    return recognisers.load(judge).embed(photo.pixels, observations.locate_faces(photo)[:1])[0]


def main(arguments: list[str] | None = None) -> None:
    """The command line: one JSON line."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.proving", description=summary)
    parser.add_argument("name", choices=recognisers.NAMES)
    parser.add_argument("photos", type=Path, help="LFW: NAME/NAME_0001.*")
    parser.add_argument("pairs", type=Path, help="LFW's pairs.txt")
    parser.add_argument("--cache", type=Path, default=Path("data/evaluation"), help="(%(default)s)")
    given = parser.parse_args(arguments)
    print(json.dumps(prove(given.name, given.photos, given.pairs, given.cache)))


if __name__ == "__main__":
    main()
