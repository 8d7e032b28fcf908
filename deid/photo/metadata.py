"""Harmless facts that a photo's file may go on carrying, where its owner asks for them by name.

Everything else goes: the output is built from pixels. What stays is read field by field, checked, and written
anew, so that nothing can hide in it. Places, thumbnails, serial numbers and comments have no name here.
"""

import contextlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

LONGEST = 200  # letters of a text
_EXIF = 0x8769  # where the main directory keeps the camera's
_DATE = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d|[+-]\d\d:\d\d")
# Name -> tags (Exif 2.32) of the main directory and of the camera's.
FIELDS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "date": ((0x0132,), (0x9003, 0x9004, 0x9010, 0x9011, 0x9012)),
    "copyright": ((0x8298,), ()),
    "author": ((0x013B,), ()),
    "camera": ((0x010F, 0x0110), (0xA433, 0xA434)),
    "exposure": ((), (0x829A, 0x829D, 0x8827, 0x920A, 0xA405)),
    "resolution": ((0x011A, 0x011B, 0x0128), ()),
}
NUMBERS = ("exposure", "resolution")


@dataclass(frozen=True)
class Metadata:
    """What stays of a file's metadata: the ``names`` of its fields, and an ``exif`` block of just these."""

    names: tuple[str, ...] = ()
    exif: bytes = b""

    def options(self, format: str) -> dict[str, Any]:
        """What Pillow needs to write it into a file of this format."""
        if format != "TIFF":
            return {"exif": self.exif}
        block = Image.Exif()
        block.load(self.exif)
        for tag, value in list(block.items()):
            if isinstance(value, str):
                block[tag] = value.encode("latin-1")  # Pillow reads Latin-1, and would write ASCII only
        return {"exif": block, "compression": "raw"}  # libtiff would lose the camera's directory


def parse(text: str) -> tuple[str, ...]:
    """Names of ``FIELDS``, separated by commas. Raises ``ValueError`` for others."""
    names = tuple(name.strip() for name in text.split(",")) if text.strip() else ()
    if unknown := [name for name in names if name not in FIELDS]:
        raise ValueError(f"keep-metadata knows {', '.join(FIELDS)}, not {', '.join(map(repr, unknown))}")
    return names


def read(image: Any, names: Sequence[str]) -> Metadata:
    """The fields called ``names`` of an open picture, those that it has and that are what they should be."""
    if not names:
        return Metadata()
    source, chosen, found = image.getexif(), Image.Exif(), []
    directories = ((source, chosen), (source.get_ifd(_EXIF), chosen.get_ifd(_EXIF)))
    for name in names:
        for tags, (given, wanted) in zip(FIELDS[name], directories, strict=True):
            values = {tag: _harmless(name, given.get(tag)) for tag in tags}
            wanted.update({tag: value for tag, value in values.items() if value is not None})
            if name not in found and any(tag in wanted for tag in tags):
                found.append(name)
    return Metadata(tuple(found), chosen.tobytes() if found else b"")


def _harmless(name: str, value: Any) -> Any:
    """A value that is what its field should hold, as a plain text or number; else None."""
    if name in NUMBERS:
        values = value if isinstance(value, tuple) else (value,)
        try:
            fine = len(values) == 1 and math.isfinite(values[0]) and values[0] >= 0
        except (TypeError, ValueError, OverflowError):
            return None
        return values[0] if fine else None
    text = value.strip("\0 ") if isinstance(value, str) else ""
    with contextlib.suppress(UnicodeError):  # Pillow reads UTF-8, which most write, as Latin-1
        text = text.encode("latin-1").decode("utf-8")
    if not text or len(text) > LONGEST or not text.isprintable():
        return None
    if name == "date" and not _DATE.fullmatch(text):
        return None
    return text if text.isascii() else text.encode()  # as text Pillow would write question marks
