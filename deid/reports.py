"""What a run leaves is published without what it says of the machine: ``python -m deid.reports NOTEBOOK...``."""

import argparse
import json
import sys
from pathlib import Path

from deid import images


def clean(notebook: dict) -> dict:
    """The executed notebook (as JSON) without papermill's and the clock's metadata, cell ids and warnings."""
    notebook["metadata"].pop("papermill", None)
    for cell in notebook["cells"]:
        cell.pop("id", None)
        for name in ("papermill", "execution"):
            cell["metadata"].pop(name, None)
        if cell["cell_type"] == "code":
            cell["outputs"] = [output for output in cell["outputs"] if output.get("name") != "stderr"]
    return notebook | {"nbformat": 4, "nbformat_minor": 4}


def paths_of_the_machine(text: str) -> list[str]:
    """Absolute folders of whoever ran it that still stand in a notebook's text: the home and the working folder."""
    return [
        str(folder) for folder in {Path.home(), Path.cwd().resolve()} if len(folder.parts) > 1 and str(folder) in text
    ]


def main(arguments: list[str] | None = None) -> int:
    """Clean notebooks in place; exit code 1 where one still names a folder of the machine it ran on."""
    parser = argparse.ArgumentParser(prog="python -m deid.reports", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    left = False
    for path in parser.parse_args(arguments).notebooks:
        text = json.dumps(clean(json.loads(path.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False) + "\n"
        images.write_atomically(path, text.encode())
        for found in paths_of_the_machine(text):
            print(f"{path}: still names {found}; look for it before you publish", file=sys.stderr)
            left = True
    return int(left)


if __name__ == "__main__":
    sys.exit(main())
