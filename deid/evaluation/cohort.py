"""The people of a study: those of Labelled Faces in the Wild (LFW) with two photos or more."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from deid.data import sources


@dataclass(frozen=True)
class Person:
    """A person with two photos: one for the gallery, one to be anonymized."""

    name: str
    gallery: Path
    probe: Path


def people(
    root: str | Path, count: int = 0, seed: int = 0, names: Sequence[str] = (), everyone: bool = False
) -> list[Person]:
    """People of LFW with at least two photos, sorted by name, and their first two photos.

    ``count`` of them drawn by ``seed``, or those that ``names`` lists, and with ``everyone`` all others
    behind them. Raises ``ValueError`` where they are not there.
    """
    photos: dict[str, list[Path]] = {}
    for path in sources.lfw(root, min_photos=2):
        photos.setdefault(path.parent.name, []).append(path)
    if missing := [name for name in names if name not in photos]:
        raise ValueError(
            f"{root}: {missing[0]} and {len(missing) - 1} more of the list have no two photos there"
        )
    if not names:
        if len(photos) < count:
            raise ValueError(f"{root}: {len(photos)} people with two photos, {count} were asked for")
        order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed))[:count]
        names = [sorted(photos)[k] for k in order]
    chosen = sorted(names) + (sorted(photos.keys() - set(names)) if everyone else [])
    return [Person(name, *sorted(photos[name])[:2]) for name in chosen]
