"""A dataset of many photos, in shards: each shard is made on its own, by the function of one machine.

The list of photos is cut into parts of equal size, in order, and a part becomes the shard of its number. So
whoever makes a shard, and however often, its name and its bytes are the same. A shard that is there is not
made again. The index is made of the shards that are there.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from deid.cluster import engine, shards
from deid.cluster.locations import Location, absolute
from deid.data import dataset
from deid.data.dataset import INDEX, SETTINGS, DatasetProgress, Settings

PLAN = "shards.json"  # which photos, and how many in a shard: it makes a folder ours
EACH = 512  # photos in a shard, a multiple of a batch: 4 MB of crops, some seconds of one core


@dataclass(frozen=True)
class ShardWork:
    """What all shards of a run share: where photos come from and shards go, by addresses, and how."""

    source: str
    target: str
    settings: Settings
    device: str = "cpu"


def create(
    work: ShardWork, cluster: str | None, each: int = EACH, batch: int = 32
) -> Iterator[DatasetProgress]:
    """Make all shards that are not there yet, and the index; yields progress as shards become whole.

    ``cluster``: Ray's address, or ``auto``; None: this process. The same call goes on after whatever stopped
    it. Raises ``FolderError`` where the target holds shards of other photos or settings, and ``LockError``
    where another run is at work there.
    """
    work = replace(work, source=absolute(work.source), target=absolute(work.target))
    names, target = Location(work.source).photos(), Location(work.target)
    digest = hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()
    plan = {"photos": len(names), "names_sha256": digest, "each": each}
    with target.alone():
        target.claim(PLAN, plan, lambda name: shards.is_shard(name) or name in (INDEX, SETTINGS))
        target.claim(SETTINGS, asdict(work.settings), shards.is_shard)
        parts = _missing(names, each, set(target.names()))
        progress = DatasetProgress(len(names) - sum(len(part["names"]) for part in parts), len(names), 0)
        yield replace(progress)
        start, before = time.perf_counter(), progress.done
        gpus = 0 if work.device == "cpu" else 1
        for made in engine.run(partial(make_shard, work=work, batch=batch), parts, cluster, gpus):
            progress.done += made["photos"]
            progress.crops += made["crops"]
            progress.photos_per_second = (progress.done - before) / (time.perf_counter() - start)
            yield replace(progress)
        yield finish(target, len(names))


def _missing(names: list[str], each: int, there: set[str]) -> list[dict[str, Any]]:
    """The parts of the photos whose shards are not there: number, position of the first photo, names."""
    return [
        {"number": first // each, "first": first, "names": names[first : first + each]}
        for first in range(0, len(names), each)
        if shards.name_of(first // each) not in there
    ]


def make_shard(part: dict[str, Any], work: ShardWork, batch: int = 32) -> dict[str, int]:
    """Make the shard of a part of the photos, unless it is there -> its number, photos and crops.

    It is made in a folder of its own, by ``dataset.create``, and then written at once.
    """
    source, target, name = Location(work.source), Location(work.target), shards.name_of(part["number"])
    names = [str(name) for name in part["names"]]
    crops = 0
    if not target.has(name):  # by a machine that was lost before it could say so
        with tempfile.TemporaryDirectory() as temporary:
            root, faces = source.brought(names, Path(temporary, "photos")), Path(temporary, "faces")
            photos = [root / name for name in names]
            for step in dataset.create(photos, faces, work.settings, root, batch=batch, device=work.device):
                crops = step.crops
            target.write(name, shards.pack(faces, part["first"], root))
    return {"number": part["number"], "photos": len(names), "crops": crops}


def finish(target: Location, photos: int) -> DatasetProgress:
    """Write the index of all shards that are here, each line with its shard; counts over it."""
    lines: list[str] = []
    index: list[dict] = []
    for name, records in shards.read_index(target):
        index += records
        lines += [json.dumps(record | {"shard": name}) for record in records]
    target.write(INDEX, "".join(f"{line}\n" for line in lines).encode())
    progress = dataset.summarize(index)
    progress.total = photos
    return progress
