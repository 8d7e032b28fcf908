"""A run is published without what it says of the machine: ``python -m deid.study.publishing NOTEBOOK...``."""

import argparse
import json
import re
import sys
from pathlib import Path

from deid.storage import write_atomically
from deid.study.layout import WIDGET

_NEIGHBOUR = re.compile(r"\]\((\d\d_\w+)\.ipynb(?=[#)])")
_DOCUMENT = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\.md[^)]*\)")  # no page of a report


def cleaned(notebook: dict) -> dict:
    """The executed notebook (as JSON) without papermill's and the clock's metadata, ids, warnings and bars.

    Links to other notebooks lead to their pages; those to documents beside the reports become plain text.
    """
    for name in ("papermill", "widgets"):
        notebook["metadata"].pop(name, None)
    for cell in notebook["cells"]:
        cell.pop("id", None)
        for name in ("papermill", "execution"):
            cell["metadata"].pop(name, None)
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                output
                for output in cell["outputs"]
                if output.get("name") != "stderr" and WIDGET not in output.get("data", {})
            ]
        else:
            lines = "".join(cell["source"]).splitlines(keepends=True)
            lines = [_DOCUMENT.sub(r"\1", line) for line in lines]
            cell["source"] = [_NEIGHBOUR.sub(r"](\1.html", line) for line in lines]
    return notebook | {"nbformat": 4, "nbformat_minor": 4}


def machine_paths(text: str) -> list[str]:
    """The folders of the machine that still stand in a notebook's text: the home and the working folder."""
    folders = sorted({Path.home(), Path.cwd().resolve()})
    return [str(folder) for folder in folders if len(folder.parts) > 1 and str(folder) in text]


def main(arguments: list[str] | None = None) -> int:
    """Clean notebooks in place; exit code 1 where one still names a folder of the machine it ran on."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.study.publishing", description=summary)
    parser.add_argument("notebooks", nargs="+", type=Path)
    left = False
    for path in parser.parse_args(arguments).notebooks:
        notebook = cleaned(json.loads(path.read_text(encoding="utf-8")))
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())
        for found in machine_paths(text):
            print(f"{path}: still names {found}; look for it before you publish", file=sys.stderr)
            left = True
    return int(left)


if __name__ == "__main__":
    sys.exit(main())
