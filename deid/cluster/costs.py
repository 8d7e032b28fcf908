"""How cost grows with the number of photos: small measurements here, and the model that goes on from them.

The model is linear: each photo, each call of a machine and each name costs the same, however many there are.
Measurements at several counts show whether that holds as far as they go. Seconds are processor time of this
process, but those of a call on a cluster, which are by the clock.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deid.anonymization.options import Options
from deid.anonymization.pipeline import anonymize
from deid.cluster import creation, engine, shards
from deid.cluster.creation import EACH, ShardWork
from deid.cluster.locations import Location
from deid.data import dataset, synthetic
from deid.data.dataset import INDEX, Settings
from deid.generators import load_generator
from deid.training import networks
from deid.training.config import Recipe

CORES = 64  # of a machine in the extrapolation
PER_NAME = "a photo's name, in the list of a run"
PER_CROP = "a photo to a crop in a shard"
PER_LINE = "a photo's line in the index, at the end"
PER_CALL = "a call of a function on a cluster, by the clock"
PER_PHOTO = "a photo with two faces, anonymized as by default"


@dataclass(frozen=True)
class Cost:
    """``seconds`` (and ``bytes``, where they are left somewhere) for each of ``count`` of ``what``."""

    what: str
    count: int
    seconds: float
    bytes: float = 0.0


def measure(counts: Sequence[int], photo: Path, cluster: str | None) -> Iterator[Cost]:
    """Costs of all parts; ``counts`` of photos become crops, ``photo`` is anonymized."""
    if cluster:
        engine.connect(cluster)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for count in (counts[0] * 100, counts[-1] * 100):
            yield _listing(count, folder / f"names-{count}")
        portraits = synthetic.portraits(load_generator(), 32, folder / "portraits")
        list(dataset.create(portraits[:2], folder / "loaded", Settings()))
        for count in counts:
            yield from _creating(portraits, count, folder / str(count))
    if cluster:
        for count in (counts[0], counts[-1]):
            yield _calling(count, cluster)
    yield _anonymizing(photo)


def extrapolate(costs: Sequence[Cost], photos: int) -> dict[str, float]:
    """What so many photos would cost by the model, in words and numbers, by the last cost of each part."""
    of = {cost.what: cost for cost in costs}
    crops, names, lines = of[PER_CROP], of[PER_NAME], of[PER_LINE]
    hours, gigabytes = photos / 3600, photos / 1e9
    told = {
        "core-hours to make crops": hours * crops.seconds,
        f"hours of one machine of {CORES} cores for that": hours * crops.seconds / CORES,
        "core-hours to anonymize, as by default": hours * of[PER_PHOTO].seconds,
        f"hours of 100 machines of {CORES} cores for that": hours * of[PER_PHOTO].seconds / CORES / 100,
        "hours of one core to list the photos": hours * names.seconds,
        "GB of memory for their names": gigabytes * names.bytes,
        "shards": -(-photos // EACH),
        "GB of shards": gigabytes * crops.bytes,
        "hours of one core to write the index": hours * lines.seconds,
        "GB of index": gigabytes * lines.bytes,
    }
    if PER_CALL in of:
        told["hours of calls, one for each shard"] = hours * of[PER_CALL].seconds / EACH
    return told


def exchanged() -> int:
    """Bytes that each process of a DCGAN's training tells the others in a step: gradients of G and D."""
    G, D, _ = networks.start(Recipe())
    return 4 * sum(parameter.numel() for network in (G, D) for parameter in network.parameters())


def _listing(count: int, folder: Path) -> Cost:
    """Empty files of a photo's name, as many; their names as Python holds them."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:09d}.jpg").touch()
    seconds, names = _timed(Location(str(folder)).photos)
    return Cost(PER_NAME, count, seconds / count, sum(name.__sizeof__() + 8 for name in names) / count)


def _creating(portraits: Sequence[Path], count: int, folder: Path) -> Iterator[Cost]:
    """The same portraits again and again, under names of their own."""
    for number in range(count):
        path = folder / "photos" / f"{number:09d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(portraits[number % len(portraits)])
    names = sorted(path.name for path in (folder / "photos").iterdir())
    photos = [folder / "photos" / name for name in names]
    seconds, _ = _timed(lambda: list(dataset.create(photos, folder / "alone", Settings())))
    yield Cost("a photo to a crop in a dataset folder", count, seconds / count)
    work = ShardWork(str(folder / "photos"), str(folder / "shards"), Settings())
    parts = [
        {"number": first // EACH, "first": first, "names": names[first : first + EACH]}
        for first in range(0, count, EACH)
    ]
    seconds, _ = _timed(lambda: [creation.make_shard(part, work) for part in parts])
    tars = [path.stat().st_size for path in (folder / "shards").glob("*.tar")]
    yield Cost(PER_CROP, count, seconds / count, sum(tars) / count)
    target = Location(work.target)
    seconds, _ = _timed(lambda: creation.finish(target, count))
    assert sum(len(index) for _, index in shards.read_index(target)) == count
    yield Cost(PER_LINE, count, seconds / count, len(target.read(INDEX)) / count)


def _calling(count: int, cluster: str) -> Cost:
    """Calls that do nothing, beyond what the first ones cost."""
    items = [{"number": number} for number in range(count)]
    list(engine.run(_nothing, items[:8], cluster))
    start = time.perf_counter()
    list(engine.run(_nothing, items, cluster))
    return Cost(PER_CALL, count, (time.perf_counter() - start) / count)


def _nothing(item: engine.Item) -> engine.Item:
    return item


def _anonymizing(photo: Path) -> Cost:
    """The second of two runs: the first one loads the networks."""
    options = Options()
    for _ in options.prepare():
        pass
    anonymize(photo, options)
    return Cost(PER_PHOTO, 1, _timed(lambda: anonymize(photo, options))[0])


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result
