"""Photos in several processes: the same files and lines as in one."""

import signal

import pytest
from PIL import Image

from deid import machine, workers
from deid.__main__ import main
from deid.anonymization.batch import Job
from deid.anonymization.options import Options

BLACK = ("--method", "blackout", "--no-verify", "--detector", "mtcnn")


@pytest.fixture
def folder(sample_path, tmp_path):
    """A folder of two small photos, and one that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(sample_path) as sample:
        for name in ("a.jpg", "b.jpg"):
            sample.resize((sample.width // 3, sample.height // 3)).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no photo")
    return folder


def files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.jpg")}


def test_two_processes_leave_what_one_leaves_and_say_the_same(folder, tmp_path, capsys):
    said = {}
    for name in ("1", "2"):
        assert main([str(folder), "-o", str(tmp_path / name), *BLACK, "--workers", name]) == 1
        shown = capsys.readouterr()
        said[name] = sorted((shown.out + shown.err).replace(str(tmp_path / name), "").splitlines())
    assert files(tmp_path / "1") == files(tmp_path / "2") and len(files(tmp_path / "2")) == 2
    assert said["1"] == said["2"] and any("2 of 3 photos written" in line for line in said["2"])


class Killing:
    """The process that is given this as its work is killed, as the system does when memory is short."""

    def __reduce__(self):
        return signal.raise_signal, (signal.SIGKILL,)


def test_photos_of_processes_that_were_killed_are_done_here(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(workers, "_do", Killing())
    assert main([str(folder), "-o", str(tmp_path / "out"), *BLACK, "--workers", "2"]) == 1
    assert set(files(tmp_path / "out")) == {"a.jpg", "b.jpg"}
    assert "photos one at a time" in capsys.readouterr().err


def test_auto_asks_the_machine_and_never_starts_more_than_there_are_photos(folder, monkeypatch):
    jobs = [(folder, Job(folder / name, name, None)) for name in ("a.jpg", "b.jpg")]
    asked = []
    monkeypatch.setattr(machine, "processes", lambda photos, pixels: asked.append((photos, pixels)) or 1)
    assert workers.count("auto", jobs, Options(device="cpu")) == 1
    with Image.open(folder / "a.jpg") as photo:
        assert asked == [(2, photo.width * photo.height)]
    assert workers.count("8", jobs, Options()) == 2 and workers.count(None, jobs, Options()) == 1
