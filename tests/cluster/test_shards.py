"""Shards are what one machine would have made, packed; WebDataset's names; damage is named."""

import json
import tarfile

import pytest

from deid.cluster import shards
from deid.cluster.locations import Location
from deid.data import dataset
from deid.data.crops import FaceCrops
from deid.data.dataset import SETTINGS, Settings
from deid.photo import images
from deid.photo.images import ImageError


@pytest.fixture(scope="module")
def made(tmp_path_factory, portraits):
    """A folder of five photos, two of them without a crop, and the dataset folder of it."""
    root = tmp_path_factory.mktemp("shards")
    portraits(root / "photos", 3)
    images.Image.new("RGB", (200, 200), "grey").save(root / "photos" / "blank.png")
    (root / "photos" / "broken.jpg").write_bytes((root / "photos" / "portrait-00.jpg").read_bytes()[:2000])
    list(dataset.create(images.find(root / "photos"), root / "faces"))
    return root


def stored(made, place: Location) -> Location:
    """The dataset in one shard at ``place``."""
    place.write(SETTINGS, (made / "faces" / SETTINGS).read_bytes())
    place.write(shards.name_of(3), shards.pack(made / "faces", 96, made / "photos"))
    return place


def test_a_shard_has_the_index_first_and_the_names_that_webdataset_pairs(made, tmp_path):
    place = stored(made, Location(str(tmp_path)))
    with tarfile.open(tmp_path / "shard-000003.tar") as tar:
        names = tar.getnames()
        about = json.load(tar.extractfile(names[2]))
    assert names[0] == "__index__/index.jsonl"
    assert names[1:] == [f"{photo:09d}-0.{kind}" for photo in (98, 99, 100) for kind in ("png", "json")]
    assert about["source"] == "portrait-00.jpg" and len(about["landmarks"]) == 5
    ((name, index),) = shards.read_index(place)
    assert name == "shard-000003.tar" and [record["source"] for record in index][:2] == [
        "blank.png",
        "broken.jpg",
    ]
    assert index[1]["error"].startswith("broken.jpg: "), "where it lay on the machine is no one's business"


def test_the_same_folder_gives_the_same_bytes(made):
    assert shards.pack(made / "faces", 0, made) == shards.pack(made / "faces", 0, made)
    assert shards.pack(made / "faces", 0, made) != shards.pack(made / "faces", 1, made)


def test_unpacked_shards_are_the_dataset_folder(made, tmp_path):
    place = stored(made, Location(f"memory://unpack-{tmp_path.name}"))
    assert list(shards.unpack(place, tmp_path / "faces")) == [(1, 1)]
    for path in (made / "faces").rglob("*.png"):
        assert (tmp_path / "faces" / path.relative_to(made / "faces")).read_bytes() == path.read_bytes()
    here, there = dataset.read_index(tmp_path / "faces"), dataset.read_index(made / "faces")
    there[1]["error"] = here[1]["error"]
    assert here == there and len(FaceCrops(tmp_path / "faces")) == 3
    assert list(shards.unpack(place, tmp_path / "faces")) == [(1, 1)], "again, and nothing twice"
    assert dataset.read_index(tmp_path / "faces") == here
    place.write(SETTINGS, json.dumps({**json.loads(place.read(SETTINGS)), "size": 32}).encode())
    with pytest.raises(ImageError, match="made with"):
        list(shards.unpack(place, tmp_path / "faces"))


@pytest.mark.parametrize("content", [b"", b"no tar" * 200, "cut", "no index"])
def test_a_damaged_shard_is_named(made, tmp_path, content):
    place, path = stored(made, Location(str(tmp_path))), tmp_path / "shard-000003.tar"
    if content == "cut":
        content = path.read_bytes()[:700]
    elif content == "no index":
        with tarfile.open(path, "w") as tar:
            tar.add(made / "faces" / SETTINGS, "other.json")
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"shard-000003\.tar: damaged .*make it again"):
        list(shards.read_index(place))


def test_a_crop_that_would_leave_the_folder_is_refused(made, tmp_path):
    place, settings = Location(str(tmp_path / "shards")), Settings()
    stored(made, place)
    content = place.read("shard-000003.tar").replace(b"crops/portrait", b"../ps/portrait")
    place.write("shard-000003.tar", content)
    with pytest.raises(ImageError, match="damaged"):
        list(shards.unpack(place, tmp_path / "faces"))
    assert not (tmp_path / "ps").exists() and settings.size == 64
