"""What lookers said: 0 nothing noticed, 1 something on a second look, 2 wrong at once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from deid.evaluation.statistics import Interval, bootstrap

VERDICTS = (0, 1, 2)


class Look(NamedTuple):
    """One looker's verdict of a face, and the words beside it, if any."""

    verdict: int
    words: str = ""


def verdicts(folder: Path) -> dict[str, dict[str, list[Look]]]:
    """By version and face all that was said. Lookers who are not done are left out.

    Raises ``ValueError``, naming the file, where what a looker wrote is no verdict.
    """
    found: dict[str, dict[str, list[Look]]] = {}
    for looker, key in json.loads((folder / "key.json").read_text(encoding="utf-8")).items():
        path = folder / f"{looker}.json"
        if not path.is_file():
            continue
        said = json.loads(path.read_text(encoding="utf-8"))
        for number, (face, version) in key.items():
            answer = said.get(number)
            parts = answer if isinstance(answer, list) and answer else [answer]
            if parts[0] not in VERDICTS:
                raise ValueError(f"{path}: {number} is {answer!r}; say 0, 1 or 2 for every number")
            look = Look(parts[0], " ".join(map(str, parts[1:])))
            found.setdefault(version, {}).setdefault(face, []).append(look)
    return found


def shares(said: Mapping[str, Sequence[Look]]) -> dict[str, Interval]:
    """How often nothing was noticed, and how often it was wrong at once; over faces, with 95 % intervals."""
    found = {}
    for name, verdict in (("nothing noticed", 0), ("wrong at once", 2)):
        each = [sum(look.verdict == verdict for look in looks) / len(looks) for looks in said.values()]
        found[name] = bootstrap(torch.tensor(each))
    return found


def by_photo(said: Mapping[str, Sequence[Look]]) -> Iterator[str]:
    """Lines of a Markdown table: for each photo how many faces got which verdict, and what was said of them.

    The worst verdict of a face counts.
    """
    yield "| photo | nothing | on a second look | wrong at once | what was said |"
    yield "|---|---|---|---|---|"
    photos: dict[str, list[Look]] = {}
    for face, looks in said.items():
        photos.setdefault(face.rpartition("#")[0], []).append(max(looks))
    for photo, worst in sorted(photos.items()):
        counts = " | ".join(str(sum(look.verdict == verdict for look in worst)) for verdict in VERDICTS)
        words = "; ".join(look.words for look in worst if look.verdict and look.words)
        yield f"| {photo} | {counts} | {words} |"
