"""Shards made anywhere, in any order, killed or repeated, are the dataset that one machine makes."""

import json

import pytest

from deid.cluster import creation, shards
from deid.cluster.creation import ShardWork
from deid.cluster.locations import Location
from deid.data import dataset
from deid.data.dataset import INDEX, Settings
from deid.storage import FolderError


@pytest.fixture(scope="module")
def photos(tmp_path_factory, portraits):
    folder = tmp_path_factory.mktemp("creation") / "photos"
    portraits(folder, 10)
    return folder


def contents(place: Location) -> dict[str, bytes]:
    return {name: place.read(name) for name in place.names() if shards.is_shard(name)}


def test_shards_are_what_one_machine_makes(photos, tmp_path):
    """Out of an object store as well: shards of four photos, batches of two, the same bytes."""
    store = Location(f"memory://{tmp_path.name}/photos")
    for path in photos.iterdir():
        store.write(path.name, path.read_bytes())
    list(dataset.create(sorted(photos.iterdir()), tmp_path / "alone", batch=2))
    for source, target in (
        (str(photos), str(tmp_path / "shards")),
        (store.address, f"{store.address}-faces"),
    ):
        steps = list(creation.create(ShardWork(source, target, Settings()), None, each=4, batch=2))
        assert [step.done for step in steps] == [0, 4, 8, 10, 10] and steps[-1].crops == 10
        assert len(contents(Location(target))) == 3
        list(shards.unpack(Location(target), tmp_path / "unpacked"))
        assert dataset.read_index(tmp_path / "unpacked") == dataset.read_index(tmp_path / "alone")
        for path in (tmp_path / "alone").rglob("*.png"):
            assert (
                tmp_path / "unpacked" / path.relative_to(tmp_path / "alone")
            ).read_bytes() == path.read_bytes()
        dataset.discard(tmp_path / "unpacked")
    assert contents(Location(str(tmp_path / "shards"))) == contents(Location(f"{store.address}-faces"))


def test_what_is_missing_is_made_again_and_nothing_else(photos, tmp_path):
    work, place = ShardWork(str(photos), str(tmp_path), Settings()), Location(str(tmp_path))
    list(creation.create(work, None, each=4))
    before, index = contents(place), place.read(INDEX)
    made = {name: (tmp_path / name).stat().st_mtime_ns for name in before}
    place.remove("shard-000001.tar")
    assert [step.done for step in creation.create(work, None, each=4)] == [6, 10, 10]
    assert contents(place) == before and place.read(INDEX) == index
    again = {name: (tmp_path / name).stat().st_mtime_ns for name in before}
    assert [name for name in made if made[name] != again[name]] == ["shard-000001.tar"]
    # A machine that was lost after it wrote: whoever repeats its part writes nothing.
    part = {"number": 0, "first": 0, "names": sorted(path.name for path in photos.iterdir())[:4]}
    assert creation.make_shard(part, work) == {"number": 0, "photos": 4, "crops": 0}
    assert (tmp_path / "shard-000000.tar").stat().st_mtime_ns == again["shard-000000.tar"]


def test_the_index_says_which_shard_and_is_made_of_what_is_there(photos, tmp_path):
    work, place = ShardWork(str(photos), str(tmp_path), Settings()), Location(str(tmp_path))
    steps = creation.create(work, None, each=4)
    next(steps), next(steps)
    steps.close()  # killed after the first shard
    assert creation.finish(place, 10).done == 4
    lines = [json.loads(line) for line in place.read(INDEX).splitlines()]
    assert {line["shard"] for line in lines} == {"shard-000000.tar"} and len(lines) == 4


def test_other_photos_settings_or_sizes_are_refused(photos, tmp_path, portraits):
    work = ShardWork(str(photos), str(tmp_path / "shards"), Settings())
    list(creation.create(work, None))
    first, *_ = portraits(tmp_path / "others", 10)
    first.rename(first.with_name("another.jpg"))  # as many, but others
    others = ShardWork(str(tmp_path / "others"), work.target, Settings())
    square = ShardWork(work.source, work.target, Settings(alignment="square"))
    for other, each in ((others, 512), (square, 512), (work, 4)):
        with pytest.raises(FolderError, match="choose another output"):
            next(creation.create(other, None, each))
    list(dataset.create(sorted(photos.iterdir())[:1], tmp_path / "folder"))
    with pytest.raises(FolderError, match=r"no shards\.json"):
        next(creation.create(ShardWork(work.source, str(tmp_path / "folder"), Settings()), None))


@pytest.mark.slow
def test_a_node_lost_in_the_middle_loses_nothing_and_writes_nothing_twice(photos, tmp_path, cluster):
    work, place = (
        ShardWork(str(photos), str(tmp_path / "shards"), Settings()),
        Location(str(tmp_path / "shards")),
    )
    lost, last, written = cluster.add(), None, dict[str, int]()
    for last in creation.create(work, cluster.address, each=1, batch=2):
        there = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shards").glob("*.tar")}
        assert written.items() <= there.items(), "what was written stays as it was"
        written = there
        if last.done and lost:
            cluster.lose(lost)
            lost = None
    assert (last.done, last.total, last.crops) == (10, 10, 10)
    sources = [json.loads(line)["source"] for line in place.read(INDEX).splitlines()]
    assert sources == sorted(path.name for path in photos.iterdir())
    list(creation.create(ShardWork(work.source, str(tmp_path / "alone"), Settings()), None, each=1, batch=2))
    assert contents(place) == contents(Location(str(tmp_path / "alone")))
