"""The command line of the blind test: ``python -m deid.evaluation.blind_test``, then ``sheets`` or ``score``.

``sheets PHOTOS --results NAME=FOLDER ... --output OUT`` cuts every face out of the photos and out of each
folder of results (``evaluation.comparison --output`` writes such), at the photo's own size, and puts them on
sheets. Each looker sees each face once, in one version: a face that is seen twice tells which is the
original. A looker writes ``OUT/looker-1.json``: for each number 0 (nothing noticed), 1 (something, on a
second look) or 2 (wrong at once), and may add a few words: ``{"001": [2, "two chins"]}``. ``score OUT``
prints a line for each version; the untouched photos are the control. ``score OUT --by-photo NAME`` prints
what was said of one version, photo by photo.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deid.evaluation.blind_test import scores, sheets
from deid.photo import images
from deid.photo.images import ImageError


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    found = argparse.ArgumentParser(
        prog="python -m deid.evaluation.blind_test",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = found.add_subparsers(dest="command", required=True)
    make = commands.add_parser("sheets", help="what lookers are shown, and the key")
    make.add_argument("photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER")
    make.add_argument("--results", nargs="+", required=True, metavar="NAME=FOLDER", help="the photos, done")
    make.add_argument("--output", required=True, type=Path)
    make.add_argument("--lookers", type=int, default=4, help="(%(default)s)")
    make.add_argument("--seed", type=int, default=0)
    score = commands.add_parser("score", help="what they said")
    score.add_argument("folder", type=Path)
    score.add_argument("--by-photo", default="", metavar="NAME", help="of one version, photo by photo")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    try:
        if given.command == "sheets":
            _sheets(given)
        else:
            _score(given)
    except (ImageError, ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _sheets(given: argparse.Namespace) -> None:
    found = list(sheets.places([photo for path in given.photos for photo in images.find(path)]))
    pairs = (text.partition("=") for text in given.results)
    results = {name: Path(folder) for name, _, folder in pairs}
    count = len(list(sheets.sheets(found, results, given.output, given.lookers, given.seed)))
    print(f"{len(found)} faces, {given.lookers} lookers, {count} sheets in {given.output}")


def _score(given: argparse.Namespace) -> None:
    verdicts = scores.verdicts(given.folder)
    if given.by_photo and given.by_photo not in verdicts:
        raise ValueError(f"{given.folder}: no version {given.by_photo!r}; there are {', '.join(verdicts)}")
    if given.by_photo:
        print("\n".join(scores.by_photo(verdicts[given.by_photo])))
        return
    for version, said in verdicts.items():
        counted = {name: share.record() for name, share in scores.shares(said).items()}
        looks = sum(len(each) for each in said.values())
        print(json.dumps({"version": version, "faces": len(said), "looks": looks} | counted))


if __name__ == "__main__":
    sys.exit(main())
