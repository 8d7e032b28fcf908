"""Files and folders that are asked for by name. Nothing heavy is imported: a wrong name is said at once."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path


class InputError(ValueError):
    """An input that is not there; the message names it."""


def expanded(inputs: Sequence[str]) -> list[Path]:
    """The files and folders behind ``inputs``; a pattern that the shell left (on Windows all) is expanded.

    Raises ``InputError`` for one that stands for nothing.
    """
    paths: list[Path] = []
    for given in inputs:
        if os.path.lexists(given):
            paths.append(Path(given))
        elif found := sorted(glob.glob(given, recursive=True)):
            paths += map(Path, found)
        else:
            raise InputError(f"{given}: no such file or folder")
    return paths
