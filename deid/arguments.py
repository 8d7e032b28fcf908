"""The options of the command line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deid import __version__
from deid.anonymization.options import METHODS, Options
from deid.photo.masks import MASKS
from deid.photo.metadata import FIELDS
from deid.recognition import recognisers

EXAMPLES = """examples:
  python -m deid party.jpg -o out                      out/party.jpg, and out/party.jpg.json about it
  python -m deid holiday/ -o out --seed 7              a folder with its tree, other people than with seed 0
  python -m deid party.jpg -o out --gif                also out/party.jpg.gif, the whole process
  python -m deid party.mp4 -o out --method blur        a clip: out/party.mp4, each person hidden in all frames
  python -m deid party.jpg -o out --boxes faces.json   your own boxes: {"party.jpg": [[x1, y1, x2, y2], ...]}

exit code: 0 everything written, 1 something not written, 2 wrong usage"""


def parse(given: list[str] | None) -> argparse.Namespace:
    """The options in ``given``; without inputs and an output folder, or a camera, the program ends."""
    arguments = parser().parse_args(given)
    if arguments.webcam is None and not (arguments.inputs and arguments.output):
        parser().error("give photos, clips or folders, and with -o a folder for the results; or --webcam 0")
    return arguments


def parser() -> argparse.ArgumentParser:
    """The options; their defaults are those of ``Options``."""
    p = argparse.ArgumentParser(
        "python -m deid",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
        description="Replace every face in photos and clips by a synthesized one. Inputs are never changed.",
    )

    def add(name: str, kind: Callable = str, help: str = "", **more: Any) -> None:
        default = getattr(Options, name.removeprefix("--").replace("-", "_"))
        p.add_argument(name, type=kind, default=default, help=f"{help} (%(default)s)", **more)

    p.add_argument("inputs", nargs="*", metavar="FILE_OR_FOLDER", help="photos, clips, folders")
    p.add_argument("-o", "--output", type=Path, help="folder for photos, clips and manifests")
    p.add_argument("--webcam", type=int, metavar="NUMBER", help="show a camera's picture instead, anonymized")
    add("--method", help="how a face is hidden", choices=METHODS)
    p.add_argument("--mask", choices=MASKS, default="", help="what of a face is hidden (the method's own)")
    add("--starts", int, "latents that a search begins with")
    add("--iterations", int, "steps of a search")
    add("--seed", int, "another seed, other people")
    add("--min-score", float, "the detector's least score")
    add("--min-size", float, "smaller faces, in pixels, are blacked out, not synthesized")
    p.add_argument("--boxes", type=Path, help="JSON file with boxes by photo name, instead of the detector's")
    p.add_argument("--gif", action="store_true", help="also write the whole process as a GIF")
    add("--device", help="auto, cpu, cuda or mps")
    p.add_argument("--weights", default="", help="bundled name, file or fetched network (the one that ships)")
    add("--truncation", float, "onepass: 0 draws the mean person, 1 the most different ones")
    add("--strength", float, "width of a blur in faces, tiles across a mosaic; 0: its own")
    add("--jitter", float, "move the landmarks a face is drawn for, in eye distances")
    add("--recogniser", help="checks the result; who is recognised is drawn again", choices=recognisers.NAMES)
    add("--threshold", float, "similarity from which a face counts as recognised; 0: the recogniser's own")
    p.add_argument(
        "--no-verify", dest="verify", action="store_false", help="do not check; the manifest says so"
    )
    add("--keep-metadata", help=f"write these fields again, by commas: {', '.join(FIELDS)}", metavar="FIELDS")
    p.add_argument(
        "--keep-faceless", action="store_true", help="also write photos in which no face was found"
    )
    p.add_argument(
        "--overwrite", action="store_true", help="do again what an earlier run did with the same settings"
    )
    p.add_argument("--version", action="version", version=f"deid {__version__}")
    return p
