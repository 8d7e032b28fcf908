"""Does a library hold someone who exists? Its people beside photographed ones, as a recogniser sees them.

``python -m deid.evaluation.resemblance LIBRARY PHOTOS --judge dlib`` takes photos in LFW's layout, a folder
for each person, and prints a JSON line for each person of the library: how alike their references are to
photos of the most similar real person, and how alike that person's photos are among each other. No name of a
real person is printed, only a number in the order of the folders. Who is left out is to be judged by eye as
well: among thousands of people one is always the most similar.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from deid.data import sources
from deid.evaluation.observations import locate_faces
from deid.photo import images
from deid.recognition import choices, recognisers
from deid.references.library import Library

PHOTOS = 4  # of each real person


@dataclass(frozen=True)
class Resemblance:
    """The real person most similar to one of a library: ``person`` (a position), the mean ``similarity`` of
    references and photos, and that of different photos of the ``same`` real person among each other.
    """

    person: int
    similarity: float
    same: float


def photographed(root: Path, judge: str, photos: int = PHOTOS) -> list[Tensor]:
    """Vectors (P, D) of each person in ``root`` of whom there are at least two photos, at most ``photos``."""
    folders: dict[Path, list[Path]] = {}
    for path in sources.lfw(root, 2):
        folders.setdefault(path.parent, []).append(path)
    embed, people = recognisers.load(judge).embed, []
    for paths in tqdm(folders.values(), unit="person", mininterval=10):
        vectors = []
        for path in paths[:photos]:
            photo = images.load(path)
            vectors += [embed(photo.pixels, locate_faces(photo)[:1])]
        people.append(torch.cat(vectors))
    return people


def of_library(library: Library, judge: str, most: int = 0) -> dict[str, Tensor]:
    """Vectors (P, D) of each person's references, of the first ``most`` (0: of all)."""
    found: dict[str, list[Tensor]] = {}
    for reference in library.references:
        if most and len(found.get(reference.identity, [])) == most:
            continue
        points = library.landmarks[reference.index : reference.index + 1] * 256 - 0.5
        crop = library.crop(reference.index, 256)
        found.setdefault(reference.identity, []).append(recognisers.embed_crops(judge, crop, points, 1))
    return {identity: torch.cat(vectors) for identity, vectors in found.items()}


def compare(library: Mapping[str, Tensor], people: Sequence[Tensor]) -> dict[str, Resemblance]:
    """Who of ``people`` is most similar to each person of a library."""
    found = {}
    for identity, own in library.items():
        means = torch.stack([(own @ vectors.T).mean() for vectors in people])
        nearest = int(means.argmax())
        among = people[nearest] @ people[nearest].T
        others = among[~torch.eye(len(among), dtype=torch.bool)]
        found[identity] = Resemblance(nearest, means[nearest].item(), others.mean().item())
    return found


def main(arguments: list[str] | None = None) -> None:
    """The command line: one JSON line for each person of the library."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.resemblance", description=summary)
    parser.add_argument("library", type=Path)
    parser.add_argument("photos", type=Path, help="in LFW's layout: a folder for each person")
    parser.add_argument("--judge", default="dlib", choices=choices.NAMES, help="(%(default)s)")
    given = parser.parse_args(arguments)
    people = photographed(given.photos, given.judge)
    for identity, found in compare(of_library(Library.open(given.library), given.judge), people).items():
        row = {"identity": identity, "judge": given.judge, "people": len(people)}
        numbers = {"similarity": round(found.similarity, 3), "same person": round(found.same, 3)}
        print(json.dumps(row | numbers | {"nearest": found.person}), flush=True)


if __name__ == "__main__":
    main()
