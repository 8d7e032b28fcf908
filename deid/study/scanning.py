"""Whether published pictures hold nothing but pictures: ``python -m deid.study.scanning FILE_OR_FOLDER...``

Looks into picture files, and at the pictures inside web pages and notebooks, with ``deid.photo.containers``.
"""

import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deid.photo import containers, formats

PAGES = (".html", ".htm", ".md", ".svg")
_DATA = re.compile(r"data:image/[^,]{1,80};base64,([A-Za-z0-9+/=\s]+)")


def pictures(path: Path) -> Iterator[bytes]:
    """The pictures of a file: itself, those inside a page, or all that a notebook holds."""
    suffix = path.suffix.lower()
    if suffix in PAGES:
        yield from _in_text(path.read_text(encoding="utf-8"))
    elif suffix == ".ipynb":
        yield from _in_notebook(json.loads(path.read_text(encoding="utf-8")))
    elif formats.is_picture(path):
        yield path.read_bytes()


def _in_text(text: str) -> Iterator[bytes]:
    return (_decoded(match[1]) for match in _DATA.finditer(text))


def _in_notebook(part: Any, kind: str = "") -> Iterator[bytes]:
    """The pictures in a part of a notebook; ``kind``: its key, which is a type where it is a picture."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _in_notebook(value, key)
    elif isinstance(part, list) and not all(isinstance(value, str) for value in part):
        for value in part:
            yield from _in_notebook(value)
    elif isinstance(part, str | list):  # a text may be a list of its lines
        text = "".join(part)
        picture = kind.startswith("image/") and kind != "image/svg+xml"
        yield from [_decoded(text)] if picture else _in_text(text)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""  # which is no picture


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code: 1 where a picture holds something else."""
    given = [Path(name) for name in (sys.argv[1:] if arguments is None else arguments)]
    missing = [str(path) for path in given if not path.exists()]
    if missing or not given:
        reason = f"not there: {', '.join(missing)}" if missing else "nothing to look at"
        print(f"error: {reason}; give files or folders", file=sys.stderr)
        return 2
    count, wrong = 0, 0
    for path in sorted({file for top in given for file in (top.rglob("*") if top.is_dir() else [top])}):
        for content in pictures(path) if path.is_file() else ():
            found = containers.foreign(content)
            count, wrong = count + 1, wrong + bool(found)
            for what in found:
                print(f"{path}: {what}")
    print(f"{count} pictures, {wrong} that hold something else")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
