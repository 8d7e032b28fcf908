"""What lies in a folder: pictures, clips, other files, and what could not be looked into.

Links are followed, each folder is entered once. Hidden folders, half-written files and the companions that
macOS writes are left out: no one put them there as photos.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from deid.photo import formats
from deid.storage import PARTIAL


@dataclass(frozen=True)
class Listing:
    """``pictures`` by name or content, in order; ``others``; ``closed``: what was not entered, and why;
    ``clips`` by name.
    """

    pictures: list[Path]
    others: list[Path] = field(default_factory=list)
    closed: list[tuple[Path, str]] = field(default_factory=list)
    clips: list[Path] = field(default_factory=list)


def walk(root: Path) -> Listing:
    """All that lies below the folder ``root``; a link to a folder seen already is in ``others``."""
    found = Listing([])
    visited: set[str] = set()
    above = Path(os.path.realpath(root))
    # Links come last: a folder that lies here as well is done under its own name.
    waiting, links = [root], list[Path]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        real = os.path.realpath(folder)
        if real in visited:
            found.others.append(folder)
        elif Path(real) in above.parents:
            found.closed.append((folder, "a link to a folder around itself; not followed"))
        else:
            visited.add(real)
            folders = _look(folder, found)
            waiting += [path for path in folders if not os.path.islink(path)]
            links += [path for path in folders if os.path.islink(path)]
    for paths in (found.pictures, found.others, found.closed, found.clips):
        paths.sort()
    return found


def _look(folder: Path, found: Listing) -> list[Path]:
    """Sort the files of one folder into ``found`` -> the folders in it, in order."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        found.closed.append((folder, f"cannot be looked into ({error.strerror})"))
        return []
    folders = []
    for path in (folder / name for name in names if not name.startswith(PARTIAL)):
        hidden = path.name.startswith(".")
        if os.path.isdir(path):
            folders += [] if hidden else [path]
        elif formats.is_clip(path):
            found.clips.append(path)
        elif formats.is_picture(path):
            found.pictures.append(path)
        elif not hidden:
            found.others.append(path)
    return folders
