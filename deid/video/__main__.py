"""``python -m deid.video PHOTO``: staged clips with the heads of a photo, and what was seen of them after.

The photo needs nine faces; media/group.jpg has twelve, of people who do not exist.
"""

import argparse
import math
import sys
from pathlib import Path

from deid.anonymization.options import Options
from deid.photo import images
from deid.video import engine, measuring, staging
from deid.video.measuring import SCENARIOS, Measured

NEEDED = 9


def main(arguments: list[str] | None = None) -> int:
    """Print a row for each scenario and method, its cost in a processor's time -> the exit code."""
    parser = argparse.ArgumentParser("python -m deid.video", description="Measure clips on staged ones.")
    parser.add_argument("photo", type=Path, help="a photo with nine faces or more")
    parser.add_argument("--frames", type=int, default=40, help="of each clip (%(default)s)")
    parser.add_argument("--methods", nargs="+", default=engine.METHODS, choices=engine.METHODS)
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS), choices=list(SCENARIOS))
    given = parser.parse_args(arguments)
    heads = staging.heads(images.load(given.photo).pixels)
    if len(heads) < NEEDED:
        print(f"{given.photo}: shows {len(heads)} faces, and {NEEDED} are needed", file=sys.stderr)
        return 2
    print("| a face ... | method | frames in which a face is visible | flicker | seconds a frame |")
    print("|---|---|---|---|---|")
    for scenario in given.scenarios:
        for method in given.methods:
            print(row(measuring.measure(scenario, heads, given.frames, Options(method=method))), flush=True)
    return 0


def row(measured: Measured) -> str:
    """A line of the table."""
    flicker = "" if math.isnan(measured.flicker) else f"{measured.flicker:.1f}"
    cost = sum(measured.seconds) / measured.frames
    seen = f"{measured.visible} of {measured.frames}"
    return f"| {measured.scenario} | {measured.method} | {seen} | {flicker} | {cost:.2f} |"


if __name__ == "__main__":
    sys.exit(main())
