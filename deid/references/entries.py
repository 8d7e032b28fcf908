"""Writing a library: what it stores of one crop, and all of them in one file."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from deid import storage
from deid.references.library import FACTS, TENSORS, VERSION, Library, LibraryError


@dataclass(frozen=True, eq=False)
class Entry:
    """What the library stores of one crop: ``picture`` is a JPEG; shapes as in the file, without N."""

    name: str
    identity: str
    source: str
    licence: str
    size: int
    attributes: dict[str, float]
    picture: bytes
    thumbnail: Tensor
    matte: Tensor
    landmarks: Tensor
    embedding: Tensor

    def record(self) -> dict:
        """The part that is JSON; ``digest`` tells whether the picture is still the same."""
        facts = {name: getattr(self, name) for name in FACTS}
        return {**facts, "digest": hashlib.sha256(self.picture).hexdigest()}


def entries_of(library: Library) -> list[Entry]:
    """Everything in a library, as ``write_library`` needs it."""
    return [
        Entry(
            **{name: getattr(reference, name) for name in FACTS},
            **{field: getattr(library, name)[k] for name, (field, _, _) in TENSORS.items()},
            picture=library.picture(k),
        )
        for k, reference in enumerate(library.references)
    ]


def write_library(
    path: str | Path, entries: Sequence[Entry], rejected: Mapping[str, Mapping[str, int]] | None = None
) -> Path:
    """Write a library, whole or not at all -> its path.

    An entry whose name (in its source) or picture is there already is left out. ``rejected``: for each
    source, how many portraits were rejected by reason. Raises ``LibraryError`` where the path holds a file
    that is no library.
    """
    if Path(path).exists():
        Library.open(path)
    unique: list[Entry] = []
    there: set[object] = set()
    for entry in entries:
        marks = {(entry.source, entry.name), entry.picture}
        if not marks & there:
            unique.append(entry)
            there |= marks
    content = b"".join(entry.picture for entry in unique)
    tensors = {
        "blobs": torch.frombuffer(bytearray(content or b"-"), dtype=torch.uint8)[: len(content)],
        "offsets": torch.tensor([0, *(len(entry.picture) for entry in unique)]).cumsum(0),
    }
    for name, (field, shape, kind) in TENSORS.items():
        rows = [getattr(entry, field).to(kind) for entry in unique]
        tensors[name] = torch.stack(rows) if rows else torch.zeros(0, *shape, dtype=kind)
    facts = {
        "references version": VERSION,
        "records": [entry.record() for entry in unique],
        "rejected": {source: dict(reasons) for source, reasons in (rejected or {}).items()},
    }
    try:
        storage.write_atomically(path, save(tensors, metadata={"deid": json.dumps(facts)}))
    except OSError as error:
        raise LibraryError(
            f"{path}: cannot be written ({error.strerror}); make room there, or choose another place"
        ) from error
    return Path(path)
