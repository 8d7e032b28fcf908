"""Where the project lives is one setting: ``[tool.deid] repository = "owner/name"`` in pyproject.toml.

``python -m deid.study.links notebooks/*.ipynb README.md [--check]`` writes it where it is needed: the Colab
badge in the first cell of each notebook, the clone address in the second, and the lines between the markers
of a Markdown file. While the setting is empty there is no badge, and no address that leads nowhere.
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

from deid.storage import write_atomically

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BEGIN, END = "<!-- links: written by python -m deid.study.links -->", "<!-- end of links -->"
_BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)(?:\s*&nbsp;)?\s*")
MARK = "python -m deid.study.links writes this cell"
BOOTSTRAP = """\
import importlib
import os
import sys

repository = "{repository}"  # on GitHub; python -m deid.study.links writes this cell
try:
    import deid.anonymization
except ModuleNotFoundError:  # Colab, or a checkout that is not installed
    sys.modules.pop("deid", None)  # a clone in ./deid passes for a package without code
    here = [folder for folder in (".", "deid/notebooks") if os.path.isdir(f"{{folder}}/../deid/study")]
    if not here and (not repository or os.system(f"git clone -q https://github.com/{{repository}} deid")):
        raise ConnectionError({told}) from None
    os.chdir(*here or ["deid/notebooks"])
    sys.path.insert(0, os.path.abspath(".."))
    importlib.import_module("deid.study.colab").install()"""


def repository_of(project: str | Path = PROJECT) -> str:
    """The setting in a pyproject.toml, "owner/name" or "". Raises ``ValueError`` for anything else."""
    settings = tomllib.loads(Path(project).read_text(encoding="utf-8")).get("tool", {}).get("deid", {})
    found = settings.get("repository", "")
    if not isinstance(found, str) or (found and not re.fullmatch(r"[\w.-]+/[\w.-]+", found)):
        raise ValueError(f'{project}: [tool.deid] repository is {found!r}, and "owner/name" or "" is wanted')
    return found


def badge(repository: str, notebook: str) -> str:
    """The Markdown line that opens a notebook in Colab; "" where there is no repository."""
    if not repository:
        return ""
    return f"[![Open in Colab]({BADGE})](https://colab.research.google.com/github/{repository}/blob/main/{notebook})"


def bootstrap_cell(repository: str) -> str:
    """The second cell of every notebook: silent unless ``deid`` is missing."""
    unset = '"The address of the repository is not set; clone it by hand"'
    told = 'f"github.com/{repository} cannot be reached; clone it by hand"' if repository else unset
    return BOOTSTRAP.format(repository=repository, told=told)


def titled(source: str, line: str) -> str:
    """A notebook's title cell with a badge ("": none), a paragraph before the one that starts "*Needs*"."""
    bare = _BADGE.sub("", source)
    before, needs, after = bare.partition("*Needs*")
    if not line:
        return bare.rstrip()
    if not needs:
        return f"{bare.rstrip()}\n\n{line}"
    return f"{before.rstrip()}\n\n{line}\n\n{needs}{after}"


def linked_notebook(text: str, repository: str, name: str) -> str:
    """A notebook (JSON text) with its badge and bootstrap cell; ``name`` is its path in the repository."""
    notebook = json.loads(text)
    title, second = notebook["cells"][:2]
    title["source"] = titled("".join(title["source"]), badge(repository, name)).splitlines(keepends=True)
    if MARK in "".join(second["source"]):
        second["source"] = bootstrap_cell(repository).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def linked_markdown(text: str, repository: str) -> str:
    """A Markdown file with the commands that fetch the project between its markers, if it has these."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        return text
    folder = repository.rpartition("/")[2]
    lines = f"```bash\ngit clone https://github.com/{repository}\ncd {folder}\n```\n" if repository else ""
    return f"{before}{begin}\n{lines}{end}{after}"


def linked(path: Path, repository: str) -> str:
    """What a file should say."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return linked_notebook(text, repository, f"notebooks/{path.name}")
    return linked_markdown(text, repository)


def main(arguments: list[str] | None = None) -> int:
    """Write the links, or with ``--check`` say whether they are those of the setting."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.study.links", description=summary)
    parser.add_argument("files", nargs="+", type=Path, help="notebooks and Markdown files")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the pyproject.toml with the setting")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 for old links")
    given = parser.parse_args(arguments)
    repository, stale = repository_of(given.project), []
    for path in given.files:
        wanted = linked(path, repository)
        if wanted != path.read_text(encoding="utf-8"):
            stale.append(path)
            if not given.check:
                write_atomically(path, wanted.encode())
    for path in stale if given.check else []:
        print(f"{path}: its links are not up to date; run {parser.prog} without --check")
    return int(given.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
