"""Photos -> aligned crops on disk with an index, resumable; and the crops as training data.

A dataset folder holds ``dataset.json`` (how it was made), ``index.jsonl`` (one line a photo) and ``crops/``.
A photo's line is appended after its crops are on disk: whatever has a line is whole, whatever has none is redone.
"""

import copy
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deid import faces, images, sources
from deid.faces import DCGAN_FRAME, Face, Frame
from deid.images import ImageError, Photo

CROPS, INDEX, SETTINGS = "crops", "index.jsonl", "dataset.json"
CHUNK_PIXELS = 16_000_000  # decoded at once: 32 photos of a camera would fill 10 GB


@dataclass(frozen=True)
class Settings:
    """How photos become crops.

    ``alignment``: "landmarks" (similarity transform of the five landmarks) or "square" (the original study's
    box, centre square). ``select``: "largest" or "all" faces of a photo. A crop whose frame leaves the photo by
    more than ``max_overrun`` of its side is dropped: reflected borders are faces with four eyes, and a GAN
    learns them. ``min_side``: the frame's smallest side in photo pixels.
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

    def frame(self) -> Frame:
        """The frame that the landmarks are brought into."""
        return DCGAN_FRAME.resized(self.size)

    def matrix(self, face: Face) -> Tensor:
        """Frame pixels -> photo pixels (2, 3) under this alignment."""
        return self.frame().matrix(face) if self.alignment == "landmarks" else faces.square_matrix(face, self.size)


@dataclass
class Step:
    """Progress: photos done of ``total``, crops kept, and why faces or photos were dropped."""

    done: int
    total: int
    kept: int
    dropped: Counter = field(default_factory=Counter)
    photos_per_second: float = 0.0


def create(
    photos: Sequence[Path], output: str | Path, settings: Settings | None = None, root: str | Path | None = None,
    batch: int = 32, device: str = "cpu",
) -> Iterator[Step]:  # fmt: skip
    """Detect, align and crop ``photos`` into the dataset folder ``output``; yields a ``Step`` a batch.

    Resumes: photos that have a line in the index are not read again. Source names in the index are relative
    to ``root``. Raises ``ImageError`` when the folder was made with other settings, ``ValueError`` when two
    photos would share a name.
    """
    settings, output = settings or Settings(), Path(output)
    _check_settings(settings, output)
    records = {record["source"]: record for record in read_index(output)}
    named = _named(photos, root)
    remaining = [(name, photo) for name, photo in named.items() if name not in records]
    step = summarize(records.values())
    step.total = len(records) + len(remaining)
    start, before = time.perf_counter(), step.done
    yield copy.deepcopy(step)
    with open(output / INDEX, "a", encoding="utf-8") as index, ThreadPoolExecutor(1) as reader:
        for chunk in _decoded_ahead(remaining, batch, reader):
            for record in _crop_chunk(chunk, output, settings, device):
                index.write(json.dumps(record) + "\n")
                _count(step, record)
            index.flush()
            os.fsync(index.fileno())
            step.photos_per_second = (step.done - before) / (time.perf_counter() - start)
            yield copy.deepcopy(step)


def read_index(output: str | Path) -> list[dict]:
    """The index's records; a torn last line (a run killed while writing) is cut off the file."""
    path = Path(output) / INDEX
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        images.write_atomically(path, whole)
    return [json.loads(line) for line in whole.splitlines()]


def summarize(records: Iterable[dict]) -> Step:
    """Counts over index records: photos, crops kept, reasons of what was dropped."""
    step = Step(0, 0, 0)
    for record in records:
        _count(step, record)
    step.total = step.done
    return step


def _count(step: Step, record: dict) -> None:
    step.done += 1
    step.kept += sum("crop" in face for face in record["faces"])
    step.dropped.update(face["dropped"] for face in record["faces"] if "dropped" in face)
    if "dropped" in record:
        step.dropped[record["dropped"]] += 1


def _check_settings(settings: Settings, output: Path) -> None:
    path = output / SETTINGS
    if not path.exists():
        images.write_atomically(path, json.dumps(asdict(settings), indent=1).encode())
    elif (found := json.loads(path.read_text())) != asdict(settings):
        raise ImageError(f"{path}: made with {found}; choose another output folder or delete this one")


def _named(photos: Sequence[Path], root: str | Path | None) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for photo in map(Path, photos):
        name = photo.relative_to(root).as_posix() if root else photo.name
        if named.setdefault(name, photo) != photo:
            raise ValueError(f"{photo} and {named[name]} are both {name!r}; pass root=, the folder they share")
    return named


def _decoded_ahead(
    named: list[tuple[str, Path]], batch: int, reader: ThreadPoolExecutor
) -> Iterator[list[tuple[str, Photo | ImageError]]]:
    """Chunks of decoded photos; the next chunk is read while the caller works on this one."""
    waiting = iter(named)
    ahead = reader.submit(_decode, waiting, batch)
    while chunk := ahead.result():
        ahead = reader.submit(_decode, waiting, batch)
        yield chunk


def _decode(waiting: Iterator[tuple[str, Path]], batch: int) -> list[tuple[str, Photo | ImageError]]:
    decoded, pixels = [], 0
    for name, path in waiting:
        try:
            photo: Photo | ImageError = images.load(path)
            pixels += photo.size[0] * photo.size[1]
        except ImageError as error:
            photo = error
        decoded.append((name, photo))
        if len(decoded) == batch or pixels > CHUNK_PIXELS:
            break
    return decoded


def _crop_chunk(chunk: list, output: Path, settings: Settings, device: str) -> Iterator[dict]:
    readable = [(name, photo) for name, photo in chunk if isinstance(photo, Photo)]
    found = detect_many([photo.pixels for _, photo in readable], settings.min_score, settings.min_face, device)
    faces_of = {name: found_here for (name, _), found_here in zip(readable, found, strict=True)}
    for name, photo in chunk:
        if isinstance(photo, ImageError):
            yield {"source": name, "faces": [], "dropped": "unreadable", "error": str(photo)}
        elif not faces_of[name]:
            yield {"source": name, "size": photo.size, "faces": [], "dropped": "no face"}
        else:
            chosen = faces_of[name][:1] if settings.select == "largest" else faces_of[name]
            crops = [_crop_face(photo, face, f"{name}-{k}.png", output, settings) for k, face in enumerate(chosen)]
            yield {"source": name, "size": photo.size, "faces": crops}


def _crop_face(photo: Photo, face: Face, name: str, output: Path, settings: Settings) -> dict:
    matrix, record = settings.matrix(face), asdict(face)
    if faces.scale(matrix) * settings.size < settings.min_side:
        return record | {"dropped": "too small"}
    if faces.overrun(matrix, settings.size, photo.size) > settings.max_overrun:
        return record | {"dropped": "leaves the photo"}
    pixels = faces.crop(photo.pixels, matrix, settings.size)
    images.save(Photo(pixels), output / CROPS / name)
    return record | {"crop": f"{CROPS}/{name}"}


def detect_many(
    photos: list[Tensor], min_score: float, min_size: float, device: str = "cpu", step: int = 16
) -> list[list[Face]]:
    """``faces.detect`` over photos of mixed sizes: those alike are padded to one size and share a batch."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, photo in enumerate(photos):
        height, width = (-(-side // step) * step for side in photo.shape[2:])
        groups.setdefault((height, width), []).append(index)
    found: list[list[Face]] = [[] for _ in photos]
    for (height, width), members in groups.items():
        # Padding goes to the right and below: coordinates stay those of the photo.
        padded = [F.pad(photos[i], (0, width - photos[i].shape[3], 0, height - photos[i].shape[2])) for i in members]
        for i, result in zip(members, faces.detect(torch.cat(padded), min_score, min_size, device), strict=True):
            found[i] = result
    return found


class FaceCrops(torch.utils.data.Dataset):
    """The crops of one or more dataset folders, held in memory as bytes; items are (3, size, size) in [-1, 1]."""

    def __init__(self, folders: str | Path | Sequence[str | Path], limit: int | None = None) -> None:
        folders = [folders] if isinstance(folders, str | Path) else list(folders)
        kept = [
            (Path(folder), face)
            for folder in folders for record in read_index(folder) for face in record["faces"] if "crop" in face
        ][:limit]  # fmt: skip
        paths = [folder / face["crop"] for folder, face in kept]
        if not paths:
            raise ImageError(f"{', '.join(map(str, folders))}: no crops; run notebook 01_dataset_creation first")
        with ThreadPoolExecutor() as pool:
            self._bytes = torch.cat(list(pool.map(_crop_bytes, paths)))
        self.paths, self._kept = paths, kept

    @cached_property
    def landmarks(self) -> Tensor:
        """Where each crop's landmarks are, (N, 5, 2) in its own pixels."""
        size = self._bytes.shape[3]
        settings = {folder: replace(_settings(folder), size=size) for folder in {folder for folder, _ in self._kept}}
        found = [Face(tuple(f["box"]), f["score"], tuple(map(tuple, f["landmarks"]))) for _, f in self._kept]
        matrices = [settings[folder].matrix(face) for (folder, _), face in zip(self._kept, found, strict=True)]
        places = [faces.apply(faces.invert(m), face.points()) for m, face in zip(matrices, found, strict=True)]
        return torch.stack(places).float()

    def at(self, size: int) -> "FaceCrops":
        """The same crops at another size, their landmarks with them."""
        if size == self._bytes.shape[3]:
            return self
        other = copy.copy(self)
        other.__dict__.pop("landmarks", None)
        other._bytes = torch.cat([_resized(part, size) for part in self._bytes.split(1024)])
        if "landmarks" in self.__dict__:  # the folder may be gone
            other.__dict__["landmarks"] = (self.landmarks + 0.5) * (size / self._bytes.shape[3]) - 0.5
        return other

    def __len__(self) -> int:
        return len(self._bytes)

    def __getitem__(self, index: int) -> Tensor:
        return self.batch([index])[0]

    def batch(self, indices: Tensor | Sequence[int]) -> Tensor:
        """Crops (N, 3, size, size) in [-1, 1] at ``indices``."""
        return self._bytes[torch.as_tensor(indices)].float().div(127.5).sub(1)

    def mean(self) -> Tensor:
        """The mean crop (1, 3, size, size)."""
        return self._bytes.float().mean(0, keepdim=True).div(127.5).sub(1)


def _settings(folder: Path) -> Settings:
    return Settings(**json.loads((folder / SETTINGS).read_text()))


def crops_or_nobody(folders: Sequence[str | Path], generator: nn.Module, count: int = 64, seed: int = 0) -> FaceCrops:
    """The crops in ``folders``; where one of them was not made yet, those of ``count`` portraits by ``generator``."""
    if folders and all((Path(folder) / INDEX).exists() for folder in folders):
        return FaceCrops(folders)
    with tempfile.TemporaryDirectory() as temporary:
        photos = sources.portraits(generator, count, Path(temporary) / "photos", seed)
        for _ in create(photos, Path(temporary) / "crops", Settings(min_face=40)):
            pass
        drawn = FaceCrops(Path(temporary) / "crops")
        _ = drawn.landmarks  # while the folder is still there
        return drawn


def _crop_bytes(path: Path) -> Tensor:
    return torch.from_numpy(images.to_uint8(images.load(path).pixels)).permute(0, 3, 1, 2)


def _resized(pixels: Tensor, size: int) -> Tensor:
    """Bytes (N, 3, S, S) -> (N, 3, size, size): means of pixels where they shrink, bicubic where they grow."""
    mode = "area" if size < pixels.shape[3] else "bicubic"
    return F.interpolate(pixels.float(), (size, size), mode=mode).round().clamp(0, 255).byte()
