"""Who can be shown with a library, by name: one reference, its mirror image, or two that make a third person.

"source/name" is a reference, ":mirrored" behind it its mirror image. "A+B" has the upper part of A's face and
the lower part of B's (``references.mixing``); its identity is new.
"""

from typing import NamedTuple

from deid.references.library import Library, LibraryError, Reference

MIRRORED = ":mirrored"
JOINED = "+"


class Placement(NamedTuple):
    """A reference, by its row in a library, as it is or in a mirror."""

    row: int
    mirrored: bool


def name_of(reference: Reference, mirrored: bool) -> str:
    """The name by which a reference, or its mirror image, is chosen and remembered."""
    return f"{reference.source}/{reference.name}{MIRRORED if mirrored else ''}"


def placements(library: Library, name: str) -> list[Placement]:
    """The reference that a name stands for, or the two of a pair.

    Raises ``LibraryError``, which names the library, where it has no such reference.
    """
    if found := _lookup(library, name):
        return found
    raise LibraryError(
        f"{library.path}: holds no reference {name!r}; draw with the library that the manifest was made with"
        " (its sha256 is in there), or add what is missing: python -m deid.references"
    )


def knows(library: Library, name: str) -> bool:
    """Whether a library has what a name stands for."""
    return bool(_lookup(library, name))


def identity(library: Library, name: str) -> str:
    """The person who is shown under a name; a pair is a new one. Raises ``LibraryError``."""
    return JOINED.join(library.references[place.row].identity for place in placements(library, name))


def credit(library: Library, name: str) -> dict[str, str]:
    """Identity, source and licence of who is shown; of a pair both sources and both licences.

    Raises ``LibraryError``.
    """
    shown = [library.references[place.row] for place in placements(library, name)]
    return {
        "identity": identity(library, name),
        "source": " and ".join(dict.fromkeys(reference.source for reference in shown)),
        "licence": " and ".join(dict.fromkeys(reference.licence for reference in shown)),
    }


def _lookup(library: Library, name: str) -> list[Placement]:
    """As ``placements``; empty where there is none. A reference's own name may hold a "+"."""
    if (index := library.positions.get(name.removesuffix(MIRRORED))) is not None:
        return [Placement(index, name.endswith(MIRRORED))]
    for at in (at for at, letter in enumerate(name) if letter == JOINED):
        halves = [_lookup(library, part) for part in (name[:at], name[at + 1 :])]
        if [len(half) for half in halves] == [1, 1]:
            return halves[0] + halves[1]
    return []
