"""One process at a time: a lock is refused while it is held, and free again however its holder ends."""

import errno
import os
import signal
import subprocess
import sys
import tempfile

import pytest

from deid import locks
from deid.locks import BusyError, LockError


def test_what_is_held_is_refused_with_the_place_and_the_fix(tmp_path):
    lock = tmp_path / "deep" / locks.NAME
    with locks.hold(lock, tmp_path), pytest.raises(BusyError) as refused, locks.hold(lock, tmp_path):
        pass
    assert str(refused.value) == (
        f"{tmp_path}: another run is at work there; wait until it ends, or choose another folder"
    )
    with locks.hold(lock, tmp_path):
        pass  # free again


def test_an_error_frees_the_lock(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locks.hold(tmp_path / "lock", tmp_path):
            _ = 1 / 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_holds_no_lock(tmp_path):
    program = """if True:
        import sys
        from deid import locks
        with locks.hold(sys.argv[1], "here"):
            print(1, flush=True)
            input()"""
    command = [sys.executable, "-c", program, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(BusyError), locks.hold(tmp_path / "lock", tmp_path):
            pass
        other.kill()
        other.wait()
        with locks.hold(tmp_path / "lock", tmp_path):
            pass


def test_a_lock_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    lock = tmp_path / "file" / "lock"
    with pytest.raises(LockError, match=r"file/lock: cannot be written \(.+\)"), locks.hold(lock, tmp_path):
        pass


def test_a_lock_outside_leaves_nothing_at_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "link").symlink_to("out")
    lock = locks.outside(tmp_path / "out", tmp_path)
    with locks.hold(lock, tmp_path / "out"):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "temporary"]
    same = [tmp_path / "link", tmp_path / "deep" / ".." / "out", tmp_path / "OUT"]  # of some disks the same
    assert {locks.outside(place, tmp_path) for place in same} == {lock}
    assert locks.outside(tmp_path / "out-2", tmp_path) != lock


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="users have temporary folders of their own")
def test_a_folder_of_locks_that_is_not_ours_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = locks.outside("out", "out").parent
    assert folder.stat().st_mode & 0o777 == 0o700
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    folder.rename(tmp_path / f"deid-{other}")
    with pytest.raises(LockError, match="is no folder of yours; set TMPDIR"):
        locks.outside("out", "out")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(LockError, match="set TMPDIR"):
        locks.outside("out", "out")


@pytest.mark.parametrize("fallback", ["none", "here"])
def test_without_temporary_files_the_lock_lies_where_it_may(tmp_path, monkeypatch, fallback):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", None)
    candidates = ["/proc/none"] + ([str(tmp_path)] if fallback == "here" else [])
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: candidates)
    lock = locks.outside(tmp_path / "out", tmp_path / "out")
    assert lock == tmp_path / "out" / ".lock"
    with locks.hold(lock, tmp_path / "out"):
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="locks of its own")
def test_a_disk_without_locks_warns(tmp_path, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.warns(UserWarning, match="no locks there; see that no other run"),
        locks.hold(tmp_path / "l", tmp_path),
    ):
        pass
