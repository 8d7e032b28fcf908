"""The command line of both: ``python -m deid.evaluation.coherence``, then ``ranks`` or ``groups``."""

import argparse
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from deid.data.crops import FaceCrops
from deid.evaluation.coherence import groups, ranks
from deid.inpainting.guessing import Guesser
from deid.photo.images import ImageError
from deid.references.library import Library, LibraryError
from deid.training.coherence.examples import is_held_out, kept_apart


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    p = argparse.ArgumentParser(
        prog="python -m deid.evaluation.coherence", description=(__doc__ or "").strip()
    )
    commands = p.add_subparsers(dest="command", required=True)
    rank = commands.add_parser("ranks", help="the rank of the own face among others")
    rank.add_argument("crops", nargs="+", metavar="FOLDER[,FOLDER]=SHARE", help="as they were held out")
    rank.add_argument("--faces", type=int, default=1000, help="at most so many (%(default)s)")
    rank.add_argument("--probes", type=int, default=1000, help="whose surroundings are shown (%(default)s)")
    table = commands.add_parser("groups", help="who gets whom, by group, in a library of labelled people")
    table.add_argument("library", type=Path)
    table.add_argument("--labels", type=Path, default=groups.LABELS)
    table.add_argument("--share", type=float, default=1.0, help="of the photos, those that were held out")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    try:
        if given.command == "ranks":
            _ranks(given)
        else:
            _groups(given)
    except (ImageError, LibraryError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _ranks(given: argparse.Namespace) -> None:
    for text in given.crops:
        folders, _, share = text.partition("=")
        crops = FaceCrops(folders.split(",")).at(64)
        chosen = kept_apart(crops, float(share or 1))[1][: given.faces]
        for relit in (False, True):
            steps = ranks.own_face_ranks(crops, chosen, given.probes, relit)
            found = [step for step in tqdm(steps, mininterval=10) if isinstance(step, dict)][-1]
            print(f"{folders}: {len(chosen)} faces{', each side in other light' if relit else ''}")
            for name, own in found.items():
                print(f"  {name:8} median rank {own.median:5.0f}, first {own.first:6.1%}")
            print(f"  {'chance':8} median rank {(len(chosen) + 1) / 2:5.0f}, first {1 / len(chosen):6.1%}")


def _groups(given: argparse.Namespace) -> None:
    library, labels = Library.open(given.library), groups.read_labels(given.labels)
    photos = [r.index for r in library.references if is_held_out(r.name, given.share)]
    guesser, chosen = Guesser(), dict[str, dict[int, list[int]]]()
    for k in tqdm(photos, unit="photo", mininterval=10):
        crop, points = library.crop(k, 256), library.landmarks[k : k + 1] * 256 - 0.5
        (known,) = ranks.hide_and_guess(crop, points, guesser)
        for name, distance in groups.distances(library, known).items():
            chosen.setdefault(name, {})[k] = groups.best_people(library, k, distance)
    for name, best in chosen.items():
        print(f"\n{name}: {len(best)} photos, {len(library)} references")
        rows = groups.table(library, best, labels)
        print("  ".join([f"{'group':20}", *next(iter(rows.values()))]))
        for group, cells in rows.items():
            print(f"{group:20}  " + "  ".join(_cell(value, column) for column, value in cells.items()))


def _cell(value: float, column: str) -> str:
    whole = column == "photos" or column.startswith("difference")
    text = "-" if torch.tensor(value).isnan() else f"{value:.0f}" if whole else f"{value:.1%}"
    return text.rjust(len(column))


if __name__ == "__main__":
    sys.exit(main())
