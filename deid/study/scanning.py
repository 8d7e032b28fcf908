"""Whether published pictures hold nothing but pictures: ``python -m deid.study.scanning FILE_OR_FOLDER...``

Looks into picture files, and at the pictures inside web pages and notebooks, with ``deid.photo.containers``.
"""

import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from deid.photo import containers, formats

PAGES = (".html", ".md", ".svg")
_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,([A-Za-z0-9+/=\s]+)")
_TYPES = ("image/png", "image/jpeg", "image/gif")


def pictures(path: Path) -> Iterator[bytes]:
    """The pictures of a file: itself, those inside a page, or those that a notebook's cells left."""
    if path.suffix in PAGES:
        for match in _DATA.finditer(path.read_text(encoding="utf-8")):
            yield base64.b64decode(match[1])
    elif path.suffix == ".ipynb":
        text = path.read_text(encoding="utf-8")
        for cell in json.loads(text)["cells"]:
            for output in cell.get("outputs", []):
                coded = (output.get("data", {}).get(kind, "") for kind in _TYPES)
                yield from (base64.b64decode("".join(data)) for data in coded if data)
        yield from (base64.b64decode(match[1].replace("\\n", "")) for match in _DATA.finditer(text))
    elif formats.is_picture(path):
        yield path.read_bytes()


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
