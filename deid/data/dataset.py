"""Photos -> aligned crops on disk with an index, resumable.

A dataset folder holds ``dataset.json`` (how it was made), ``index.jsonl`` (one line a photo) and ``crops/``.
A photo's line is appended after its crops are on disk: what has a line is whole, what has none is redone.
"""

import contextlib
import copy
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor

from deid import storage
from deid.data import records
from deid.data.decoding import Chunk, decode_ahead
from deid.data.records import CROPS, is_ours
from deid.photo import alignment, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.detection import detect_many
from deid.photo.faces import Face
from deid.photo.images import ImageError, Photo

INDEX, SETTINGS = "index.jsonl", "dataset.json"
MARKER = storage.Marker(SETTINGS, "alignment")


@dataclass(frozen=True)
class Settings:
    """How photos become crops.

    ``alignment``: "landmarks" (similarity of the five landmarks) or "square" (the original study's centre of
    the box). ``select``: "largest" or "all" faces of a photo. ``max_overrun``: a crop whose frame leaves the
    photo by more of its side is dropped: reflected borders are faces with four eyes, and a GAN learns them.
    ``min_side``: the frame's smallest side in photo pixels.
    """

    size: int = 64
    alignment: str = "landmarks"
    select: str = "largest"
    min_score: float = 0.9
    min_face: float = 60
    min_side: float = 56
    max_overrun: float = 0.03

    def __post_init__(self) -> None:
        if self.alignment not in ("landmarks", "square"):
            raise ValueError(f"alignment must be 'landmarks' or 'square', not {self.alignment!r}")
        if self.select not in ("largest", "all"):
            raise ValueError(f"select must be 'largest' or 'all', not {self.select!r}")

    def matrix(self, face: Face) -> Tensor:
        """The similarity (2, 3), frame pixels to photo pixels, under this alignment."""
        if self.alignment == "square":
            return alignment.square_matrix(face, self.size)
        return DCGAN_FRAME.resized(self.size).matrix(face)


@dataclass
class DatasetProgress:
    """Photos done of ``total``, ``crops`` written, and why faces or photos were dropped."""

    done: int
    total: int
    crops: int
    dropped: Counter = field(default_factory=Counter)
    photos_per_second: float = 0.0


def create(
    photos: Sequence[Path], output: str | Path, settings: Settings | None = None,
    root: str | Path | None = None, *, batch: int = 32, device: str = "cpu",
) -> Iterator[DatasetProgress]:  # fmt: skip
    """Detect, align and crop ``photos`` into the dataset folder ``output``; yields progress after each batch.

    Photos that have a line in the index are not read again. Source names in the index are relative to
    ``root``. Raises ``ImageError`` when the folder was made with other settings, ``FolderError`` when it
    holds files of our names that are not ours, ``LockError`` when another process is at work there,
    ``ValueError`` when two photos would share a name.
    """
    settings, output, named = settings or Settings(), Path(output), _named(photos, root)
    MARKER.claim(output, [INDEX, CROPS])
    with storage.only_one(output, {output, *((output / CROPS / name).parent for name in named)}):
        check_settings(settings, output)
        there = {record["source"]: record for record in read_index(output)}
        remaining = [(name, photo) for name, photo in named.items() if name not in there]
        progress = summarize(there.values())
        progress.total = len(there) + len(remaining)
        start, before = time.perf_counter(), progress.done
        yield copy.deepcopy(progress)
        for chunk in decode_ahead(remaining, batch):
            made = list(_crop_chunk(chunk, output, settings, device))
            storage.append(output / INDEX, map(json.dumps, made), sync=True)
            for record in made:
                _count(progress, record)
            progress.photos_per_second = (progress.done - before) / (time.perf_counter() - start)
            yield copy.deepcopy(progress)


def read_index(output: str | Path) -> list[dict]:
    """The index's records; a torn last line (a run killed while writing) is none.

    Empty where the folder is no dataset. Raises ``ImageError`` where the index is damaged.
    """
    path = Path(output) / INDEX
    if not path.exists() or not MARKER.is_in(output):
        return []
    content = path.read_bytes()
    try:
        return [records.parse(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
    except ValueError as error:
        raise ImageError(f"{path}: damaged ({error}); delete the folder and make it again") from None


def summarize(index: Iterable[dict]) -> DatasetProgress:
    """Counts over an index's records: photos, crops, reasons of what was dropped."""
    progress = DatasetProgress(0, 0, 0)
    for record in index:
        _count(progress, record)
        progress.total = progress.done
    return progress


def discard(output: str | Path, inputs: Iterable[str | Path] = ()) -> None:
    """Delete the dataset that an earlier run left in ``output``: index, settings and crops; all else stays.

    Raises ``FolderError`` where the folder is no dataset, or holds one of ``inputs``.
    """
    listed: list[str] = []
    with contextlib.suppress(ImageError):  # of a damaged index go the crops that have the name of one
        listed = [face["crop"] for record in read_index(output) for face in record["faces"] if "crop" in face]
    found = [path.relative_to(output).as_posix() for path in Path(output, CROPS).rglob("*") if is_ours(path)]
    ours = {name for name in (*listed, *found) if name.startswith(f"{CROPS}/")}
    MARKER.clear(output, [*sorted(ours), INDEX], inputs)


def _count(progress: DatasetProgress, record: dict) -> None:
    progress.done += 1
    progress.crops += sum("crop" in face for face in record["faces"])
    progress.dropped.update(face["dropped"] for face in record["faces"] if "dropped" in face)
    if "dropped" in record:
        progress.dropped[record["dropped"]] += 1


def check_settings(settings: Settings, output: Path) -> None:
    """Make ``output`` our own, or raise where it was made with other settings."""
    path = output / SETTINGS
    if not path.exists():
        storage.write_atomically(path, json.dumps(asdict(settings), indent=1).encode())
    elif (found := json.loads(path.read_text(encoding="utf-8"))) != asdict(settings):
        raise ImageError(f"{path}: made with {found}; choose another output folder or delete this one")


def _named(photos: Sequence[Path], root: str | Path | None) -> dict[str, Path]:
    """The photos by their names in the index."""
    named: dict[str, Path] = {}
    for photo in map(Path, photos):
        name = photo.relative_to(root).as_posix() if root else photo.name
        if named.setdefault(name, photo) != photo:
            raise ValueError(f"{photo}, {named[name]}: both are {name!r}; pass root=, the folder they share")
    return named


def _crop_chunk(chunk: Chunk, output: Path, settings: Settings, device: str) -> Iterator[dict]:
    """Write the crops of a chunk of photos; yields the index record of each photo."""
    readable = {name: photo.pixels for name, photo in chunk if isinstance(photo, Photo)}
    found = detect_many(list(readable.values()), settings.min_score, settings.min_face, device)
    faces_of = dict(zip(readable, found, strict=True))
    for name, photo in chunk:
        if isinstance(photo, ImageError):
            yield {"source": name, "faces": [], "dropped": "unreadable", "error": str(photo)}
        elif not faces_of[name]:
            yield {"source": name, "size": photo.size, "faces": [], "dropped": "no face"}
        else:
            chosen = faces_of[name][:1] if settings.select == "largest" else faces_of[name]
            crops = [
                _crop_face(photo, face, output, f"{name}-{k}", settings) for k, face in enumerate(chosen)
            ]
            yield {"source": name, "size": photo.size, "faces": crops}


def _crop_face(photo: Photo, face: Face, output: Path, name: str, settings: Settings) -> dict:
    """Write one crop; returns the face's part of the index record."""
    matrix, record = settings.matrix(face), asdict(face)
    if alignment.scale(matrix) * settings.size < settings.min_side:
        return record | {"dropped": "too small"}
    if alignment.overrun(matrix, settings.size, photo.size) > settings.max_overrun:
        return record | {"dropped": "leaves the photo"}
    crop = f"{CROPS}/{name}.png"
    images.save(Photo(alignment.crop(photo.pixels, matrix, settings.size)), output / crop)
    return record | {"crop": crop}
