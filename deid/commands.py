"""The words that ``deid`` knows as its first argument: each is a module of its own, imported when it is said.

A photo or folder of such a name is given as ``./app``.
"""

import importlib
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """The ``module`` whose ``main(arguments)`` does it, a line of ``help``, and the ``extra`` it needs."""

    module: str
    help: str
    extra: str = ""


COMMANDS = {
    "app": Command("deid.app.__main__", "the same in a browser window", "app"),
    "doctor": Command("deid.doctor.__main__", "check what is installed, and say what is missing"),
    "references": Command("deid.references.__main__", "the library of faces: list, show, fetch, add"),
    "video": Command("deid.video.__main__", "measure clips on staged ones", "video"),
}


def run(word: str, *arguments: str) -> int:
    """Do what a word stands for -> exit code."""
    command = COMMANDS[word]
    try:
        return importlib.import_module(command.module).main(list(arguments))
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if missing.partition(".")[0] == "deid":
            print(f"deid {word}: not in this installation ({missing} is missing)", file=sys.stderr)
            return 2
        extra = f"'deid-faces[{command.extra}]', or in a checkout '.[{command.extra}]'"
        how = extra if command.extra else missing
        print(f"deid {word}: {missing} is not installed; run: pip install {how}", file=sys.stderr)
        return 2
