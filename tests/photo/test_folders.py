"""A folder is walked once, links too, and nothing in it is left out unsaid."""

import os

import pytest

from deid.photo import folders


@pytest.fixture
def folder(tmp_path):
    """Two pictures and a text."""
    root = tmp_path / "in"
    for name in ("a.jpg", "deep/b.png", "deep/notes.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"text")
    return root


def names(found: folders.Listing, root) -> list[list[str]]:
    listed = (found.pictures, found.others, [path for path, _ in found.closed])
    return [[path.relative_to(root).as_posix() for path in paths] for paths in listed]


def test_pictures_and_others_come_in_order(folder):
    (folder / "IMG").write_bytes(b"\xff\xd8\xff\xe0")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
    else:
        (folder / "pipe").touch()
    assert names(folders.walk(folder), folder) == [
        ["IMG", "a.jpg", "deep/b.png", "gone.jpg"],
        ["deep/notes.txt", "pipe"],
        [],
    ]


def test_linked_folders_are_entered_once(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.jpg").touch()
    (folder / "0 link").symlink_to(tmp_path / "elsewhere")
    (folder / "1 the same").symlink_to(tmp_path / "elsewhere")
    (folder / "2 real").symlink_to(folder / "deep")
    assert names(folders.walk(folder), folder) == [
        ["0 link/c.jpg", "a.jpg", "deep/b.png"],
        ["1 the same", "2 real", "deep/notes.txt"],
        [],
    ]


def test_cycles_end(folder):
    (folder / "deep" / "top").symlink_to(folder)
    (folder / "above").symlink_to(folder.parent)
    (folder / "loop").symlink_to("loop")
    found = folders.walk(folder)
    assert names(found, folder) == [
        ["a.jpg", "deep/b.png"],
        ["deep/notes.txt", "deep/top", "loop"],
        ["above"],
    ]
    assert "around itself" in found.closed[0][1]


def test_what_systems_leave_behind_is_passed_over_quietly(folder):
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "a.jpg").touch()
    (folder / "._a.jpg").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    (folder / ".DS_Store").touch()
    (folder / ".partial-abc").write_bytes(b"\xff\xd8\xff\xe0")
    assert names(folders.walk(folder), folder) == [["a.jpg", "deep/b.png"], ["deep/notes.txt"], []]
    (folder / ".mine.jpg").touch()
    assert folder / ".mine.jpg" in folders.walk(folder).pictures, "a hidden photo is one"
    inside = folders.walk(folder / ".thumbnails").pictures
    assert inside == [folder / ".thumbnails" / "a.jpg"], "a hidden folder that is asked for is walked"


def test_a_folder_that_may_not_be_listed_is_named(folder, monkeypatch):
    listed = os.scandir

    def scandir(path):
        if path == folder / "deep":
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = folders.walk(folder)
    assert found.pictures == [folder / "a.jpg"]
    assert found.closed == [(folder / "deep", "cannot be looked into (Permission denied)")]


def test_clips_are_listed_by_name(folder):
    for name in ("b.MP4", "deep/a.webm", "._a.mov"):
        (folder / name).write_bytes(b"text")
    found = folders.walk(folder)
    assert found.clips == [folder / "b.MP4", folder / "deep" / "a.webm"]
    assert [path.name for path in found.pictures] == ["a.jpg", "b.png"]
