"""A notebook as it is committed: it opens unmodified, with its set-up collapsed, and without progress bars.

``python -m deid.study.layout notebooks/*.ipynb [--check]``. Set-up is every code cell before the second text
cell, apart from the one with the parameters.
"""

import argparse
import json
import sys
from pathlib import Path

from deid.storage import write_atomically

KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}  # as Jupyter calls it
HIDDEN = "hide-input"  # what Jupyter Book and the site go by
WIDGET = "application/vnd.jupyter.widget-view+json"


def laid_out(notebook: dict) -> dict:
    """The notebook (as JSON) as it is committed; sources and all outputs but widgets stay."""
    notebook["metadata"] = {
        "kernelspec": dict(KERNEL),
        "language_info": notebook["metadata"].get("language_info", {}),
    }
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"] = [part for part in cell["outputs"] if WIDGET not in part.get("data", {})]
    for cell in _set_up(notebook["cells"]):
        cell["metadata"]["jupyter"] = {"source_hidden": True}
        tags = cell["metadata"].get("tags", [])
        cell["metadata"]["tags"] = tags + [HIDDEN] * (HIDDEN not in tags)
    return notebook


def _set_up(cells: list[dict]) -> list[dict]:
    found = []
    for cell in cells[1:]:
        if cell["cell_type"] != "code":
            break
        if "parameters" not in cell["metadata"].get("tags", []):
            found.append(cell)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write the notebooks, or with ``--check`` say which are not as they are committed (exit code 1)."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.study.layout", description=summary)
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--check", action="store_true", help="change nothing")
    given, different = parser.parse_args(arguments), []
    for path in given.notebooks:
        text = path.read_text(encoding="utf-8")
        wanted = json.dumps(laid_out(json.loads(text)), indent=1, ensure_ascii=False) + "\n"
        if wanted != text:
            different.append(path)
            if not given.check:
                write_atomically(path, wanted.encode())
    for path in different if given.check else []:
        print(f"{path}: not as it is committed; run {parser.prog} without --check")
    return int(given.check and bool(different))


if __name__ == "__main__":
    sys.exit(main())
