"""Options that were given and change nothing: said, so that no one relies on them."""

import argparse
from collections.abc import Iterator
from dataclasses import fields

from deid import inpainting
from deid.anonymization.choices import HEEDS
from deid.anonymization.options import Options

# Settings that matter only where a face is drawn, and those of the check.
DRAWING = ("seed", "jitter", "weights", "min_size", "link")
CHECKING = ("recogniser", "threshold")
# What only matters where something is written, and what only where a photo is.
WRITING = ("gif", "keep_metadata", "keep_faceless", "verify", "link", "workers")
OF_PHOTOS = ("gif", "keep_metadata", "link", "workers")
OF_FILES = (
    "inputs",
    "output",
    "boxes",
    "review",
    "preview",
    "overwrite",
    "keep_faceless",
    "gif",
    "keep_metadata",
    "link",
    "workers",
)
NAMED = {"verify": "--no-verify", "output": "-o", "inputs": "FILE_OR_FOLDER"}


def without(given: argparse.Namespace, options: Options) -> Iterator[str]:
    """A sentence for each option of the command line that has no effect, whatever the files are."""
    yield from _told(given, _of_methods(options), f"with --method {options.method}")
    if not options.verify:
        yield from _told(given, CHECKING, "with --no-verify")
    if options.link and options.draws:
        yield from _told(given, ("workers",), "with --link")
    elif given.cluster:
        yield from _told(given, ("workers",), "with --cluster")
    if given.webcam is not None:
        yield from _told(given, OF_FILES, "with --webcam")
    elif given.preview or given.review:
        names = (*WRITING, "overwrite") if given.preview else WRITING  # a preview is always made anew
        yield from _told(given, names, "with --preview" if given.preview else "with --review")


def without_files(given: argparse.Namespace, options: Options, photos: int, clips: int) -> Iterator[str]:
    """The same for what there is to do: so many photos and clips."""
    if clips and not photos:
        yield from _told(given, OF_PHOTOS, "on clips")
    elif photos == 1 and not clips:
        yield from _told(given, ("link", "workers") if options.draws else ("workers",), "on a single photo")


def _of_methods(options: Options) -> tuple[str, ...]:
    """The settings that the method does not look at, and others do."""
    heeded = HEEDS | {name: method.heeds for name, method in inpainting.METHODS.items()}
    own = heeded.get(options.method, ())
    others = dict.fromkeys(name for names in heeded.values() for name in names if name not in own)
    return (*others, *(() if options.draws else DRAWING))


def _told(given: argparse.Namespace, names: tuple[str, ...], where: str) -> Iterator[str]:
    unasked = {field.name: field.default for field in fields(Options)}
    for name in names:
        value = getattr(given, name, None)
        if value not in (None, False, [], unasked.get(name)) or (name == "verify" and value is False):
            yield f"{NAMED.get(name, '--' + name.replace('_', '-'))} has no effect {where}"
