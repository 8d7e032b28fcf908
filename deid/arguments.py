"""The options of the command line: ``deid --help`` shows them. Nothing slow is imported for that."""

import argparse
import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deid import __version__
from deid.anonymization.options import CHOICES, Options
from deid.commands import COMMANDS
from deid.photo.metadata import FIELDS

SAID_OTHERWISE = ("mask", "weights")  # their default is what the method has
EXAMPLES = """examples:
  deid party.jpg                               party_anonymized.jpg, and its manifest
  deid holiday/ -o out --seed 7                a folder with its tree, other people than with seed 0
  deid party.jpg --preview                     look first: which faces are found, and how sure that is
  deid party.mp4 -o out --method blur          a clip: each person hidden in all frames
  deid holiday/ -o look --review               numbered boxes, and a file to edit; then
  deid holiday/ -o out --boxes look/boxes.json

exit code: 0 everything written, 1 something not written, 2 wrong usage

other commands (deid COMMAND --help; a photo of that name is ./COMMAND):"""


def parse(given: Sequence[str] | None) -> argparse.Namespace:
    """The options in ``given``; where they make no sense together, the program ends."""
    p = parser()
    _complete(p)
    arguments = p.parse_args(given)
    if arguments.webcam is None and not arguments.inputs:
        p.error("give photos, clips or folders; or --webcam 0")
    if arguments.review and arguments.preview:
        p.error("--review writes what --preview does, and boxes to edit; choose one of them")
    if arguments.review and not arguments.output:
        p.error("--review needs a folder for what it writes: -o FOLDER")
    _check_cluster(p, arguments)
    return arguments


def _check_cluster(p: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End the program where a cluster, or an object store, is asked for what it cannot do."""
    alone = [
        name for name in ("webcam", "preview", "review", "link") if getattr(given, name) not in (None, False)
    ]
    if given.cluster and alone:
        p.error(f"--{alone[0]} is done on one machine; leave --cluster out")
    given.store = any("://" in str(address) for address in (*given.inputs, given.output))
    if given.store and not (given.cluster and given.output and len(given.inputs) == 1 and not given.boxes):
        p.error("an object store needs --cluster, one address of photos, -o ADDRESS, and no --boxes")


def _place(text: str) -> Path | str:
    """A folder, or an object store's address, which no path can hold."""
    return text if "://" in text else Path(text)


def options(given: argparse.Namespace) -> Options:
    """The settings among the arguments. Raises ``ValueError`` for values that make no sense."""
    names = [field.name for field in dataclasses.fields(Options) if hasattr(given, field.name)]
    return Options(**{name: getattr(given, name) for name in names})


def parser() -> argparse.ArgumentParser:
    """The options in groups; their defaults are those of ``Options``."""
    others = "\n".join(f"  {word:12}{command.help}" for word, command in COMMANDS.items())
    p = argparse.ArgumentParser(
        "deid",
        usage="deid FILE_OR_FOLDER... [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"{EXAMPLES}\n{others}",
        description="Replace every face in photos and clips by a synthesized one. Inputs are never changed.",
    )
    p.add_argument("inputs", nargs="*", metavar="FILE_OR_FOLDER", help="photos, clips, folders")
    p.add_argument("--version", action="version", version=f"deid {__version__}")
    for group in (_add_files, _add_looks, _add_methods, _add_faces, _add_check, _add_machine):
        group(p)
    return p


def _complete(p: argparse.ArgumentParser) -> None:
    """Answer a shell that completes a line, if it is one that asks (the optional extra ``completion``)."""
    if "_ARGCOMPLETE" in os.environ:
        with contextlib.suppress(ImportError):
            import argcomplete

            argcomplete.autocomplete(p)


def _group(p: argparse.ArgumentParser, title: str) -> tuple[Callable[..., Any], Callable[..., None]]:
    """How an option, and how one for a setting of ``Options``, is added to a new group."""
    group = p.add_argument_group(title)

    def setting(name: str, kind: Callable = str, help: str = "", **more: Any) -> None:
        field = name.removeprefix("--").replace("-", "_")
        more |= {"choices": [choice for choice in CHOICES[field] if choice]} if field in CHOICES else {}
        help = help if field in SAID_OTHERWISE else f"{help} (%(default)s)"
        group.add_argument(name, type=kind, default=getattr(Options, field), help=help, **more)

    return group.add_argument, setting


def _add_files(p: argparse.ArgumentParser) -> None:
    add, setting = _group(p, "what is written")
    beside = "folder for photos, clips and manifests (beside each original, as NAME_anonymized)"
    add("-o", "--output", type=_place, metavar="FOLDER", help=beside)
    add("--gif", action="store_true", help="also write the whole process as a GIF")
    fields = f"write these fields again, by commas: {', '.join(FIELDS)}"
    add("--keep-metadata", default=Options.keep_metadata, metavar="FIELDS", help=fields)
    add("--keep-faceless", action="store_true", help="also write photos in which no face was found")
    add("--overwrite", action="store_true", help="do again what an earlier run did with the same settings")


def _add_looks(p: argparse.ArgumentParser) -> None:
    add, _ = _group(p, "look first, or decide by hand")
    add("--preview", action="store_true", help="hide nothing; write a picture with boxes, and their scores")
    add("--review", action="store_true", help="the same, and a file of boxes to edit")
    add("--boxes", type=Path, metavar="FILE", help="JSON file that says what to hide, by photo name")
    add("--webcam", type=int, metavar="NUMBER", help="show a camera's picture instead, anonymized")


def _add_methods(p: argparse.ArgumentParser) -> None:
    add, setting = _group(p, "how a face is hidden")
    setting("--method", help="what replaces or covers it")
    setting("--mask", help="what of a face is hidden (the method's own)")
    setting("--seed", int, "another seed, other people")
    add("--link", action="store_true", help="one person, one new face in all photos (needs dlib)")
    setting("--strength", float, "blur: width in faces; pixelate: tiles across; 0: its own")
    setting("--truncation", float, "onepass: 0 draws the mean person, 1 the most different ones")
    setting("--jitter", float, "move the landmarks a face is drawn for, in eye distances")
    setting("--starts", int, "dcgan, stylegan2: latents that a search begins with")
    setting("--iterations", int, "dcgan, stylegan2: steps of a search")
    add("--warm", action="store_true", help="dcgan: an encoder says where its search begins")
    setting("--weights", help="bundled name, file or fetched network (the one that ships)")


def _add_faces(p: argparse.ArgumentParser) -> None:
    add, setting = _group(p, "which faces")
    setting("--detector", help="who looks for faces")
    setting("--min-score", float, "a face that scores less is doubtful")
    setting("--doubtful", help="what becomes of doubtful faces")
    setting("--min-size", float, "smaller faces, in pixels, are blacked out, not synthesized")
    setting("--only-larger-than", float, "faces of at most so many pixels stay as they are", metavar="PIXELS")
    add("--keep-largest", action="store_true", help="leave the largest face as it is")


def _add_check(p: argparse.ArgumentParser) -> None:
    add, setting = _group(p, "the check: a new face that is still recognised is drawn again")
    setting("--recogniser", help="who compares")
    setting(
        "--threshold", float, "similarity from which a face counts as recognised; 0: the recogniser's own"
    )
    add("--no-verify", dest="verify", action="store_false", help="do not check; the manifest says so")


def _add_machine(p: argparse.ArgumentParser) -> None:
    add, setting = _group(p, "the machine")
    setting("--device", help="auto, cpu, cuda or mps")
    add("--cluster", metavar="ADDRESS", help="have it done by Ray at ADDRESS, or auto (extra 'cluster')")
    share = "so many photos at once, each with its share of the cores; auto: as many as pay (1)"
    add("--workers", type=_processes, metavar="N", help=share)


def _processes(text: str) -> str:
    """A number of processes, or "auto"."""
    if text != "auto" and not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"must be auto, or a number from 1 on, not {text!r}")
    return text
