"""A folder and an object store behave alike."""

import pytest

from deid.cluster.locations import Location, absolute, is_store
from deid.photo.images import ImageError
from deid.storage import FolderError


@pytest.fixture(params=["folder", "memory"])
def place(request, tmp_path) -> Location:
    return Location(
        str(tmp_path / "at" / "it") if request.param == "folder" else f"memory://{tmp_path.name}/at/it"
    )


def test_what_is_written_is_there_whole(place, tmp_path):
    assert place.names() == [] and not place.has("a/b.txt")
    place.write("a/b.txt", b"one")
    place.write("a/b.txt", b"two")
    place.write("c.txt", b"")
    assert place.names() == ["a/b.txt", "c.txt"] and place.has("a/b.txt")
    assert place.read("a/b.txt") == b"two" == place.open("a/b.txt").read()
    place.remove("c.txt")
    place.remove("c.txt")
    assert place.names() == ["a/b.txt"]


def test_photos_come_with_their_folders(place, tmp_path, portraits):
    for path in portraits(tmp_path / "photos", 2):
        place.write(f"2026/{path.name}", path.read_bytes())
    place.write("notes.txt", b"")
    names = place.photos()
    assert names == ["2026/portrait-00.jpg", "2026/portrait-01.jpg"]
    root = place.brought(names, tmp_path / "copies")
    assert (root / names[0]).read_bytes() == place.read(names[0])
    assert (root == tmp_path / "copies") == (place.folder is None), "a folder's files are not copied"


def test_a_marker_is_written_once_and_protects_what_is_there(place):
    place.claim("plan.json", {"each": 1}, str.isdigit)
    place.claim("plan.json", {"each": 1}, str.isdigit)
    with pytest.raises(FolderError, match="choose another output"):
        place.claim("plan.json", {"each": 2}, str.isdigit)
    place.write("7", b"theirs")
    with pytest.raises(FolderError, match="has files of our names, and no other.json"):
        place.claim("other.json", {}, str.isdigit)


def test_an_address_is_the_same_on_every_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("photos") == str(tmp_path / "photos") and absolute("s3://bucket/a") == "s3://bucket/a"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert is_store("s3://bucket/photos") and not is_store(tmp_path)
    with pytest.raises(ImageError, match="no such file or folder"):
        Location(str(tmp_path / "nothing")).photos()
