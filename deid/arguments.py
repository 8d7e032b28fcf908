"""The options of the command line: ``python -m deid --help`` shows them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deid import __version__
from deid.anonymization.options import CHOICES, Options
from deid.photo.metadata import FIELDS

SAID_OTHERWISE = ("mask", "weights")  # their default is what the method has
EXAMPLES = """examples:
  python -m deid party.jpg -o out                      out/party.jpg, and out/party.jpg.json about it
  python -m deid holiday/ -o out --seed 7              a folder with its tree, other people than with seed 0
  python -m deid party.jpg -o out --gif                also out/party.jpg.gif, the whole process
  python -m deid party.mp4 -o out --method blur        a clip: out/party.mp4, each person hidden in all frames
  python -m deid holiday/ -o look --review             look first: numbered boxes, and a file to edit
  python -m deid holiday/ -o out --boxes look/boxes.json

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
    p.add_argument("inputs", nargs="*", metavar="FILE_OR_FOLDER", help="photos, clips, folders")
    p.add_argument("-o", "--output", type=Path, help="folder for photos, clips and manifests")
    p.add_argument("--webcam", type=int, metavar="NUMBER", help="show a camera's picture instead, anonymized")
    add_settings(p)
    p.add_argument(
        "--review", action="store_true", help="hide nothing; write numbered boxes to look at and to edit"
    )
    p.add_argument("--boxes", type=Path, help="JSON file that says what to hide, by photo name")
    p.add_argument("--gif", action="store_true", help="also write the whole process as a GIF")
    p.add_argument(
        "--keep-faceless", action="store_true", help="also write photos in which no face was found"
    )
    p.add_argument(
        "--overwrite", action="store_true", help="do again what an earlier run did with the same settings"
    )
    p.add_argument("--version", action="version", version=f"deid {__version__}")
    return p


def add_settings(p: argparse.ArgumentParser) -> None:
    """Add an option for each setting of ``Options``."""

    def add(name: str, kind: Callable = str, help: str = "", **more: Any) -> None:
        field = name.removeprefix("--").replace("-", "_")
        more |= {"choices": [choice for choice in CHOICES[field] if choice]} if field in CHOICES else {}
        help = help if field in SAID_OTHERWISE else f"{help} (%(default)s)"
        p.add_argument(name, type=kind, default=getattr(Options, field), help=help, **more)

    add("--method", help="how a face is hidden")
    add("--mask", help="what of a face is hidden (the method's own)")
    add("--starts", int, "latents that a search begins with")
    add("--iterations", int, "steps of a search")
    add("--seed", int, "another seed, other people")
    add("--detector", help="who looks for faces")
    add("--min-score", float, "a face that scores less is doubtful")
    add("--doubtful", help="what becomes of doubtful faces")
    add("--only-larger-than", float, "faces of at most so many pixels stay as they are", metavar="PIXELS")
    p.add_argument("--keep-largest", action="store_true", help="leave the largest face as it is")
    p.add_argument("--link", action="store_true", help="one person, one new face in all photos (needs dlib)")
    add("--min-size", float, "smaller faces, in pixels, are blacked out, not synthesized")
    add("--device", help="auto, cpu, cuda or mps")
    add("--weights", help="bundled name, file or fetched network (the one that ships)")
    add("--truncation", float, "onepass: 0 draws the mean person, 1 the most different ones")
    add("--strength", float, "width of a blur in faces, tiles across a mosaic; 0: its own")
    add("--jitter", float, "move the landmarks a face is drawn for, in eye distances")
    add("--recogniser", help="checks the result; who is recognised is drawn again")
    add("--threshold", float, "similarity from which a face counts as recognised; 0: the recogniser's own")
    p.add_argument(
        "--no-verify", dest="verify", action="store_false", help="do not check; the manifest says so"
    )
    add("--keep-metadata", help=f"write these fields again, by commas: {', '.join(FIELDS)}", metavar="FIELDS")
