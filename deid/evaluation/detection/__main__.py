"""Recall, false finds and milliseconds of all detectors: ``python -m deid.evaluation.detection PHOTOS``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from deid.evaluation.detection import runs, transformations
from deid.evaluation.detection.detectors import DETECTORS
from deid.photo import images
from deid.photo.images import ImageError


def parser() -> argparse.ArgumentParser:
    """The options."""
    p = argparse.ArgumentParser(
        prog="python -m deid.evaluation.detection", description=(__doc__ or "").partition(":")[0]
    )
    p.add_argument("photos", type=Path, help="folder with the photos that the truth names, or with portraits")
    p.add_argument(
        "--truth", type=Path, default=runs.TRUTH, help="faces marked by hand (those of the 19 photos)"
    )
    p.add_argument(
        "--run", type=Path, required=True, help="file for the records; a stopped run goes on there"
    )
    p.add_argument("--only", nargs="+", default=transformations.NAMES[:-1], choices=transformations.NAMES)
    p.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=list(DETECTORS))
    p.add_argument("--limit", type=int, default=10_000, help="photos, evenly over the folder")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    torch.set_num_threads(1)  # milliseconds of one core
    try:
        photos = images.find(given.photos)
        photos = photos[:: max(1, len(photos) // given.limit)][: given.limit]
        truth = runs.read_truth(given.truth)
        steps = runs.measure(photos, truth, given.only, given.detectors, given.run)
        total = len(photos) * len(given.only) * len(given.detectors)
        records = list(tqdm(steps, total=total, mininterval=10))
    except (ImageError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(table(records, given.only, given.detectors)))
    return 0


def table(records: Sequence[dict], names: Sequence[str], detectors: Sequence[str]) -> list[str]:
    """Lines of a table: recall and false finds of each detector, and how many milliseconds a photo cost."""
    lines = ["| photos | faces | " + " | ".join(detectors) + " |", "|---" * (len(detectors) + 2) + "|"]
    for name in names:
        of_name = [record for record in records if record["transformation"] == name]
        cells = [_cell([record for record in of_name if record["detector"] == d]) for d in detectors]
        faces = sum(record["faces"] for record in of_name if record["detector"] == detectors[0])
        lines.append(f"| {name} | {faces} | " + " | ".join(cells) + " |")
    return lines


def _cell(records: Sequence[dict]) -> str:
    """Of all photos: recall and false finds, in brackets without what is doubtful; milliseconds a photo."""
    if not records:
        return "not run"
    total = {
        name: sum(record[name] for record in records)
        for name, value in records[0].items()
        if value != str(value)
    }
    faces = max(1, total["faces"])
    recall, certain = (f"{100 * total[name] / faces:.1f}" for name in ("found", "certain_found"))
    false, sure = total["false"], total["certain_false"]
    doubtful = (recall, false) != (certain, sure)
    found = f"{recall} % ({certain})" if doubtful else f"{recall} %"
    wrong = f"{false} false ({sure})" if doubtful else f"{false} false"
    return f"{found}, {wrong}, {total['ms'] / len(records):.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
