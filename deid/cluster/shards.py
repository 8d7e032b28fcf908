"""A dataset in shards: tar files as WebDataset reads them, each with its part of the index.

Tar, not Parquet: crops are PNG files already, a shard is read from its beginning to its end, and every loader
for training at scale (WebDataset, Ray Data, DALI) and ``tar`` itself read it. ``shard-000017.tar`` holds

- ``__index__/index.jsonl``, first: the lines of a dataset's index, of photos without a crop as well.
  WebDataset passes names with such a folder over.
- ``000008704-0.png`` and ``.json`` for each crop: the photo's number in the run, the face's number in the
  photo; and what the index says of it.

A shard is one file, so its crops and its lines are there together or not at all.
"""

import contextlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from deid import storage
from deid.cluster.locations import Location
from deid.data import dataset, records
from deid.data.dataset import INDEX, SETTINGS, Settings
from deid.data.records import CROPS
from deid.photo.images import ImageError

MEMBER = f"__index__/{INDEX}"


def name_of(number: int) -> str:
    """The file of a shard."""
    return f"shard-{number:06d}.tar"


def is_shard(name: str) -> bool:
    """Whether a file has the name of a shard."""
    return re.fullmatch(r"shard-\d{6,}\.tar", name) is not None


def pack(folder: Path, first: int, root: Path) -> bytes:
    """The shard of a dataset folder; ``first``: the run's number of its first photo.

    ``root``: where the photos lie now, which is not written down. The same folder gives the same bytes.
    """
    index = dataset.read_index(folder)
    for record in index:
        if "error" in record:
            record["error"] = record["error"].replace(f"{root}/", "")
    with tarfile.open(fileobj=(packed := io.BytesIO()), mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, MEMBER, "".join(f"{json.dumps(record)}\n" for record in index).encode())
        for photo, record in enumerate(index, first):
            for number, face in enumerate(record["faces"]):
                if "crop" in face:
                    key = f"{photo:09d}-{number}"
                    _add(tar, f"{key}.png", (folder / face["crop"]).read_bytes())
                    _add(tar, f"{key}.json", json.dumps({"source": record["source"]} | face).encode())
    return packed.getvalue()


def read_index(location: Location) -> Iterator[tuple[str, list[dict]]]:
    """The shards that are here, in order, and each one's index records. Raises ``ImageError``."""
    for name in filter(is_shard, location.names()):
        with _reading(location, name) as tar:
            index = _index_of(tar)
        yield name, index


def unpack(location: Location, output: str | Path) -> Iterator[tuple[int, int]]:
    """Make the dataset folder that ``dataset.create`` would have made; yields shards done, and how many.

    A shard whose lines are there is not read again. Raises as ``dataset.create`` does, and ``ImageError``
    where there is no shard, or a damaged one.
    """
    output, names = Path(output), [name for name in location.names() if is_shard(name)]
    if not names:
        raise ImageError(
            f"{location.address}: no shards; make them with python -m deid.data create --cluster"
        )
    dataset.MARKER.claim(output, [INDEX, CROPS])
    with storage.only_one(output, [output, output / CROPS]):
        dataset.check_settings(Settings(**json.loads(location.read(SETTINGS))), output)
        there = {record["source"] for record in dataset.read_index(output)}
        for done, name in enumerate(names, 1):
            with _reading(location, name) as tar:
                index = _index_of(tar)
                if index and index[0]["source"] not in there:
                    _write_crops(tar, index, output)
                    storage.append(output / INDEX, map(json.dumps, index), sync=True)
            yield done, len(names)


@contextlib.contextmanager
def _reading(location: Location, name: str) -> Iterator[tarfile.TarFile]:
    """A shard, from its beginning to its end. Raises ``ImageError`` where it is damaged."""
    try:
        with location.open(name) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            yield tar
    except (tarfile.TarError, ValueError, LookupError) as error:
        raise ImageError(
            f"{location.address}/{name}: damaged ({error}); delete it, and make it again"
        ) from error


def _index_of(tar: tarfile.TarFile) -> list[dict]:
    """The records in a shard's first member."""
    first = tar.next()
    if first is None or first.name != MEMBER:
        raise ValueError(f"{MEMBER} does not come first")
    return [records.parse(line) for line in _content(tar, first).splitlines()]


def _write_crops(tar: tarfile.TarFile, index: list[dict], output: Path) -> None:
    """Write the crops of a shard whose index was read, by their names in it."""
    crops = [face["crop"] for record in index for face in record["faces"] if "crop" in face]
    pictures = (member for member in tar if member.name.endswith(".png"))
    for crop, member in zip(crops, pictures, strict=True):
        storage.write_atomically(output / crop, _content(tar, member))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise ValueError(f"{member.name} is no file")
    return file.read()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file of no time and no owner: its bytes are the same wherever it is made."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
