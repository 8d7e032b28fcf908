"""How well an album tells who is who: ``python -m deid.evaluation.linking PHOTOS [--people 300] [--seed 0]``.

``PHOTOS`` has Labelled Faces in the Wild's layout, a folder for each person. Two photos of each of so many
people are one album. Printed is a JSON line: the share of people whose two photos were linked, and the share
of people of whom a photo was taken for another person's.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from deid.anonymization.albums import RECOGNISER, Album
from deid.anonymization.options import Options
from deid.evaluation import cohort, observations
from deid.evaluation.statistics import bootstrap
from deid.photo import images
from deid.recognition import recognisers


def link(vectors: Sequence[Tensor], seed: int = 0) -> dict:
    """What an album makes of the photos of P people, vectors (2, D) each, in an order drawn by ``seed``.

    Shares as [value, low, high] with 95 % intervals over people.
    """
    album, told = Album(Options(link=True)), dict[tuple[int, int], int]()
    photos = [(person, photo) for person in range(len(vectors)) for photo in range(2)]
    for place in torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed)).tolist():
        person, photo = photos[place]
        (told[person, photo],) = album.who(vectors[person][photo][None])
    linked = torch.tensor([told[person, 0] == told[person, 1] for person in range(len(vectors))])
    owner: dict[int, int] = {}
    for place in sorted(told, key=lambda place: told[place]):
        owner.setdefault(told[place], place[0])
    strange = [any(owner[told[person, k]] != person for k in (0, 1)) for person in range(len(vectors))]
    shares = {"linked": linked, "taken for another person": torch.tensor(strange)}
    found: dict = {"people": len(vectors)}
    return found | {name: bootstrap(part.double()).record() for name, part in shares.items()}


def main() -> None:
    """The command line: one JSON line."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.linking", description=summary)
    parser.add_argument("photos", type=Path, help="a folder for each person")
    parser.add_argument("--people", type=int, default=300, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    given = parser.parse_args()
    embed, vectors = recognisers.load(RECOGNISER).embed, []
    for person in tqdm(cohort.people(given.photos, given.people, given.seed), unit="person"):
        photos = [images.load(path) for path in (person.gallery, person.probe)]
        vectors.append(torch.cat([embed(p.pixels, observations.locate_faces(p)[:1]) for p in photos]))
    print(json.dumps({"recogniser": RECOGNISER} | link(vectors, given.seed)))


if __name__ == "__main__":
    main()
