"""Files appear whole or not at all; a folder is cleared only where it is ours, and only of what is ours."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file

from deid import locks, storage
from deid.locks import BusyError
from deid.storage import FolderError, Marker, WriteError


def test_failing_write_leaves_the_older_file(tmp_path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    storage.write_atomically(tmp_path / "a", b"older")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # the disk is full after 1000 bytes
    try:
        with pytest.raises(OSError):
            storage.write_atomically(tmp_path / "a", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"older"


def test_written_files_have_ordinary_permissions(tmp_path):
    storage.write_atomically(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "b").st_mode


def test_a_killed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        storage.write_atomically(tmp_path / "new" / "a", b"content")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_write_that_fails_names_its_file_and_the_fix(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "taken", tmp_path / "file" / "a"):
        with pytest.raises(WriteError, match=rf"^{path}: cannot be written \(.+\); choose another output"):
            storage.write_atomically(path, b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_a_half_file_becomes_whole_or_is_gone(tmp_path):
    target = tmp_path / "new" / "clip.mp4"
    with storage.half_file(target) as partial:
        partial.write_bytes(b"all of it")
        assert storage.HALF.fullmatch(partial.name) and partial.parent == target.parent
        storage.finish(partial, target)
    with pytest.raises(KeyboardInterrupt), storage.half_file(target) as partial:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"all of it" and list(target.parent.iterdir()) == [target]


def test_a_clean_up_that_fails_does_not_hide_why(tmp_path, monkeypatch):
    def refuse(reason):
        def raising(*_, **__):
            raise PermissionError(13, reason)

        return raising

    monkeypatch.setattr(os, "replace", refuse("the reason"))
    monkeypatch.setattr(os, "unlink", refuse("another"))
    with pytest.raises(WriteError, match=r"a: cannot be written \(the reason\)"):
        storage.write_atomically(tmp_path / "a", b"content")


def test_writing_over_a_link_leaves_what_it_points_to(tmp_path):
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    storage.write_atomically(tmp_path / "link", b"ours")
    assert (tmp_path / "theirs").read_bytes() == b"theirs" and (tmp_path / "link").read_bytes() == b"ours"


def test_lines_are_added_all_or_none(tmp_path):
    resource, signal = pytest.importorskip("resource"), pytest.importorskip("signal")
    path = tmp_path / "lines"
    storage.append(path, ["one", "two"])
    storage.append(path, [])
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(
            WriteError, match="lines: cannot be written .+; make room there, or choose another"
        ):
            storage.append(path, ["three", "x" * 5000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "one\ntwo\n"
    storage.append(path, ["three"], sync=True)
    assert path.read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize("torn", ["tw", "one\nt", "one\n" + "t" * 9999])
def test_a_torn_line_goes_before_lines_are_added(tmp_path, torn):
    (tmp_path / "lines").write_text(torn)
    storage.append(tmp_path / "lines", ["more"])
    assert (tmp_path / "lines").read_text() == torn[: torn.rfind("\n") + 1] + "more\n"


def test_half_files_of_killed_runs_are_removed_and_nothing_else(tmp_path):
    folder, below = tmp_path / "folder", tmp_path / "folder" / "below"
    below.mkdir(parents=True)
    (tmp_path / "theirs").touch()
    halves = [folder / ".partial-abc_0123", below / ".partial-zzzzzzzz"]
    others = [
        folder / name for name in (".partial-", ".partial-abc", ".partial-notes.txt", "a.partial-abc_0123")
    ]
    for path in (*halves, *others):
        path.touch()
        os.utime(path, (0, 0))
    (folder / ".partial-now_4567").touch()  # another process may be writing it, at a place above or below
    (folder / ".partial-folder12").mkdir()
    (folder / ".partial-link1234").symlink_to(tmp_path / "theirs")
    before = set(tmp_path.rglob("*"))
    with storage.only_one(folder, [folder, tmp_path / "missing"]):
        pass
    assert before - set(tmp_path.rglob("*")) == {halves[0]}, "only in the folders that are named"
    with pytest.raises(BusyError), storage.only_one(folder, []), storage.only_one(folder, [below]):
        pass
    assert halves[1].exists(), "who is refused removes nothing"
    with storage.only_one(folder, [below], tmp_path / "elsewhere"):
        assert not halves[1].exists()


def test_sha256_is_the_files_digest(tmp_path):
    (tmp_path / "empty").touch()
    assert storage.sha256(tmp_path / "empty") == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_tensors_are_made_once(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"a": torch.arange(6.0).view(2, 3).T}

    first, second = (storage.cached(tmp_path / "deep" / "a.safetensors", make)["a"] for _ in range(2))
    assert made == [1] and torch.equal(first, second) and torch.equal(first, torch.arange(6.0).view(2, 3).T)
    assert torch.equal(load_file(tmp_path / "deep" / "a.safetensors")["a"], first)


def test_tensors_that_could_not_be_made_leave_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        storage.cached(tmp_path / "a.safetensors", lambda: {"a": torch.tensor(1 / 0)})
    assert not list(tmp_path.iterdir())


MARKER = Marker("ours.json", "made by")


@pytest.fixture
def folder(tmp_path):
    """A folder of ours with two files, one of them in a folder of its own."""
    folder = tmp_path / "folder"
    (folder / "parts").mkdir(parents=True)
    (folder / MARKER.name).write_text(json.dumps({MARKER.key: "a test"}))
    (folder / "index").write_text("ours")
    (folder / "parts" / "one").write_text("ours")
    return folder


FILES = ["parts/one", "index"]


@pytest.mark.parametrize("content", ["", "{", "[]", '"made by"', '{"other": 1}', "\udcff"])
def test_a_file_of_the_markers_name_alone_makes_no_folder_ours(tmp_path, content):
    (tmp_path / MARKER.name).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert not MARKER.is_in(tmp_path)
    with pytest.raises(FolderError, match=r"holds ours\.json, but not a ours\.json of this project"):
        MARKER.claim(tmp_path, [])


@pytest.mark.parametrize("name", ["index", "parts"])
def test_a_folder_with_foreign_files_of_our_names_cannot_be_claimed(tmp_path, name):
    MARKER.claim(tmp_path, FILES)  # an empty one can
    (tmp_path / "notes.txt").touch()
    MARKER.claim(tmp_path, FILES)  # so can one with other files
    (tmp_path / name).symlink_to(tmp_path / "nowhere")  # even a broken link is something
    with pytest.raises(FolderError, match=f"holds {name}.*choose another folder"):
        MARKER.claim(tmp_path, ["index", "parts"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["notes.txt", name])


def test_our_own_folder_can_be_claimed_again(folder):
    MARKER.claim(folder, ["index", "parts"])


def test_clearing_removes_our_files_and_the_folder(folder):
    MARKER.clear(folder, FILES)
    assert not folder.exists() and folder.parent.exists()
    MARKER.clear(folder, FILES)  # a missing folder is clear already


def test_clearing_leaves_foreign_files(folder):
    for name in ("notes.txt", "parts/two"):
        (folder / name).write_text("theirs")
    MARKER.clear(folder, FILES)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*")} == {
        "notes.txt",
        "parts",
        "parts/two",
    }
    assert (folder / "notes.txt").read_text() == (folder / "parts" / "two").read_text() == "theirs"


def test_a_folder_without_a_marker_is_not_cleared(folder):
    (folder / MARKER.name).unlink()
    with pytest.raises(FolderError, match=r"not cleared, for it has no ours\.json.*choose another folder"):
        MARKER.clear(folder, FILES)
    assert (folder / "index").exists() and (folder / "parts" / "one").exists()


def test_a_folder_that_holds_an_input_is_not_cleared(folder, monkeypatch):
    (folder.parent / "link").symlink_to(folder / "index")
    monkeypatch.chdir(folder)
    for given in (folder, folder / "parts" / "one", folder.parent / "link", "index"):
        with pytest.raises(FolderError, match="not cleared, for it holds the input"):
            MARKER.clear(folder, FILES, [folder.parent, given])
    assert (folder / "index").exists() and MARKER.is_in(folder)
    MARKER.clear(folder, FILES, [folder.parent / "folder-2"])  # a name that only begins alike is no input


def test_names_that_lead_out_of_the_folder_delete_nothing(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "x").write_text("theirs")
    tampered = ["../outside/x", str(outside / "x"), "parts/../../outside/x", "..", "/", "", "."]
    MARKER.clear(folder, [*tampered, *FILES])
    assert (outside / "x").read_text() == "theirs" and not folder.exists()


def test_a_name_of_a_folder_deletes_no_folder(folder):
    (folder / "parts" / "two").write_text("theirs")
    MARKER.clear(folder, ["parts", *FILES])
    assert (folder / "parts" / "two").read_text() == "theirs"


def test_an_absolute_name_deletes_no_folder_above(tmp_path, monkeypatch):
    """The folder is named from where we are: its parents are not, even where nothing else is in them."""
    folder = tmp_path / "lonely" / "folder"
    folder.mkdir(parents=True)
    (folder / MARKER.name).write_text(json.dumps({MARKER.key: 1}))
    monkeypatch.chdir(tmp_path)
    MARKER.clear("lonely/folder", [str(folder / MARKER.name)])
    assert (tmp_path / "lonely").is_dir() and not folder.exists()


def test_links_are_not_followed(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    for name in ("one", "two"):
        (outside / name).write_text("theirs")
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    (folder / "file").symlink_to(outside / "two")
    MARKER.clear(folder, ["linked/one", "file", *FILES])
    assert sorted(path.name for path in outside.iterdir()) == ["one", "two"]


def test_a_folder_behind_a_link_is_emptied_and_the_link_stays(folder):
    link = folder.parent / "link"
    link.symlink_to(folder, target_is_directory=True)
    MARKER.clear(link, FILES)
    assert link.is_symlink() and list(folder.iterdir()) == []


def test_a_folder_in_which_a_process_is_at_work_is_not_cleared(folder):
    with storage.only_one(folder, []), pytest.raises(BusyError, match="another run is at work"):
        MARKER.clear(folder, FILES)
    assert (folder / "index").exists() and MARKER.is_in(folder)
    MARKER.clear(folder, FILES)
    assert not folder.exists(), "nor does the lock stay"


def test_what_a_run_leaves_that_was_killed_at_once_is_no_foreign_folder(tmp_path):
    for name in (locks.NAME, ".partial-abc_0123"):
        (tmp_path / name).touch()
    MARKER.clear(tmp_path, FILES)
    MARKER.claim(tmp_path, FILES)


def test_a_killed_clearing_leaves_a_folder_that_is_still_ours(folder, monkeypatch):
    remove = storage._remove
    monkeypatch.setattr(
        storage, "_remove", lambda where, name: 1 / 0 if name == "index" else remove(where, name)
    )
    with pytest.raises(ZeroDivisionError):
        MARKER.clear(folder, FILES)
    assert MARKER.is_in(folder) and not (folder / "parts").exists()
    monkeypatch.undo()
    MARKER.clear(folder, FILES)
    assert not folder.exists()
