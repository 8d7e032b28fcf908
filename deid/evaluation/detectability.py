"""Can a machine tell replaced faces from untouched ones?

``python -m deid.evaluation.detectability PHOTOS --methods control blackout onepass [--people 300] [--cache
FOLDER]`` prints a JSON line for each method, or for each of its settings (``options.parse``). Results are not
verified unless a method says ``verify=yes``.

A small classifier (``evaluation.classifier``) learns from half of the people what replaced faces look like
(``evaluation.forensics``), and is asked about the other half; then the other way round. Its area under the
curve (AUC) is how often it finds a replaced face more suspicious than an untouched one: 0.5 cannot tell, 1
always can. A larger detector, learned from more photos, would do better: a low number is no proof that no one
can tell.

Every person has one photo, and both classes hold it: replaced and untouched. So who is shown, and where,
says nothing, and the classifier can only learn what was done. No person is in both halves.

Two numbers: "AUC" of photos that were passed on, so shrunk and encoded once more, and "AUC at full size" of
the files that the tool writes. There resampling alone can be seen: the method ``control`` says how much. It
is the face itself, cropped and pasted back as a drawn one is.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from deid import inpainting, storage
from deid.anonymization import options
from deid.evaluation import forensics, gates, observations, views
from deid.evaluation.classifier import learn
from deid.evaluation.statistics import Interval, area_interval
from deid.photo import images

CHUNK = 20  # photos between two files
LEAST = 8  # people to learn from and to be asked about, together
SIGHTS = {"AUC": views.share, "AUC at full size": lambda seen: seen}
UNTOUCHED, COVERED = "original", "blackout"


def describe(paths: Sequence[Path], case: str, cache: str | Path, seed: int = 0) -> dict[str, Tensor]:
    """Features (N, F) by ``SIGHTS`` of a face in each photo after a case (``views.view_after``).

    Each photo has a seed of its own. Only features are stored. Chunks that lie in ``cache`` already, from the
    same photos, options and weights, are not made again; code that draws otherwise raises
    ``observations.REVISION``.
    """

    def rows(part: Sequence[Path], first: int) -> dict[str, Tensor]:
        seen = [views.view_after(path, case, first + index) for index, path in enumerate(part)]
        return {name: _features([way(one) for one in seen]) for name, way in SIGHTS.items()}

    chunks = []
    for start in range(0, len(paths), CHUNK):
        part = paths[start : start + CHUNK]
        path = Path(cache) / f"traces-{_key(part, case, seed + start)}.safetensors"
        chunks.append(storage.cached(path, partial(rows, part, seed + start)))
    return {name: torch.cat([chunk[name] for chunk in chunks]) for name in SIGHTS}


def tell(untouched: dict[str, Tensor], replaced: dict[str, Tensor]) -> dict:
    """How well replaced faces are told, [AUC, low, high] by ``SIGHTS``; row by row the same people."""
    found: dict = {name: told(untouched[name], replaced[name]).record() for name in untouched}
    return found | {"people": len(next(iter(untouched.values())))}


def told(untouched: Tensor, replaced: Tensor, seed: int = 0) -> Interval:
    """The area under the curve from features (N, F) of N people, with its 95 % interval over people.

    The mean of both halves, each judged by what was learned from the other. The interval takes the
    classifiers as they are: other people to learn from would widen it. Raises ``ValueError`` for too few
    people.
    """
    if len(untouched) < LEAST:
        raise ValueError(f"a detector needs at least {LEAST} people, not {len(untouched)}")
    halves = torch.randperm(len(untouched), generator=torch.Generator().manual_seed(seed)).chunk(2)
    scores = []
    for learned, asked in (halves, halves[::-1]):
        score = learn(untouched[learned], replaced[learned])
        scores.append((score(replaced[asked]), score(untouched[asked])))
    return area_interval(scores)


def one_photo_each(root: Path, count: int = 0, seed: int = 0) -> list[Path]:
    """The first photo of ``count`` people, drawn by ``seed``; 0: of all.

    A folder below ``root`` is a person, and so is a photo that lies in ``root`` itself. Raises ``ValueError``
    where there are fewer.
    """
    first: dict[Path, Path] = {}
    for path in images.find(root):
        first.setdefault(path if path.parent == root else path.parent, path)
    if len(first) < count:
        raise ValueError(f"{root}: {len(first)} people, {count} were asked for")
    order = torch.randperm(len(first), generator=torch.Generator().manual_seed(seed))[: count or None]
    return sorted(list(first.values())[k] for k in order)


def _features(seen: Sequence[views.View]) -> Tensor:
    crops, holes = (torch.cat([getattr(one, name) for one in seen]) for name in ("crop", "hole"))
    return forensics.describe(crops, holes)


def _key(paths: Sequence[Path], case: str, seed: int) -> str:
    """A name for a chunk: whatever its rows depend on."""
    chosen = None if case == views.CONTROL else options.parse(case)
    made = observations.key(paths, chosen, "no judge", seed if chosen else 0)
    known = [made, case == views.CONTROL, views.REVISION, forensics.REVISION]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:20]


def main(arguments: list[str] | None = None) -> None:
    """The command line: one JSON line for each method."""
    parser = argparse.ArgumentParser(
        prog="python -m deid.evaluation.detectability", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("photos", type=Path, help="a folder; a folder in it is a person, and so is a photo")
    usual = [views.CONTROL, COVERED, *inpainting.METHODS]
    parser.add_argument(
        "--methods", nargs="+", default=usual, help="their names, with settings (%(default)s)"
    )
    parser.add_argument("--people", type=int, default=0, help="so many, drawn by the seed (all)")
    parser.add_argument("--seed", type=int, default=0)
    cache = Path("runs/detectability")
    parser.add_argument("--cache", type=Path, default=cache, help="where features are stored (%(default)s)")
    given = parser.parse_args(arguments)
    paths = one_photo_each(given.photos, given.people, given.seed)
    untouched = describe(paths, UNTOUCHED, given.cache)
    for method in given.methods:
        begin = time.perf_counter()
        found = tell(untouched, describe(paths, method, given.cache, given.seed))
        seconds = round(time.perf_counter() - begin, 1)
        print(json.dumps({"method": method} | found | {"seconds": seconds}), flush=True)
        if method == COVERED:
            gates.gate_detector(Interval(*found["AUC"]))


if __name__ == "__main__":
    main()
