"""What is done and unchanged is not done again; what is missing, changed or asked for otherwise is."""

import json
import os
import shutil

import pytest

from deid.__main__ import main
from deid.anonymization import reruns
from deid.anonymization.batch import Job

NAMES = ("a.jpg", "b.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reruns.origin(Job(tmp_path / "pipe.jpg", "pipe.jpg", None))["source_sha256"] == ""


@pytest.fixture
def done(sample_path, tmp_path):
    """A folder of two photos that an earlier run did, and what it wrote: (folder, output)."""
    (tmp_path / "in").mkdir()
    for name in NAMES:
        shutil.copy(sample_path, tmp_path / "in" / name)
    assert run(tmp_path / "in", tmp_path / "out") == 0
    return tmp_path / "in", tmp_path / "out"


def run(folder, output, *more) -> int:
    return main([str(folder), "-o", str(output), "--method", "blackout", "--no-verify", *more])


def written(output) -> list[int]:
    """When each manifest was written last."""
    return [(output / f"{name}.json").stat().st_mtime_ns for name in NAMES]


def test_a_second_run_at_the_same_time_is_refused_and_changes_nothing(done, capsys):
    folder, output = done
    before = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    job = Job(folder / "a.jpg", "deeper/a.jpg", None)
    with reruns.alone([job], output):
        assert run(folder, output, "--overwrite") == 2
        assert f"{output}: another run is at work there" in capsys.readouterr().err
        assert run(folder, output.with_name("other")) == 0
    assert {path: path.stat().st_mtime_ns for path in output.iterdir()} == before, "the lock lies elsewhere"
    assert run(folder, output) == 0


def test_half_files_of_a_killed_run_go_where_photos_are_written(done):
    folder, output = done
    (output / "theirs").mkdir()
    for place in (folder, output, output / "theirs"):
        (place / ".partial-abc_0123").touch()
        os.utime(place / ".partial-abc_0123", (0, 0))
    assert run(folder, output) == 0
    left = {place for place in (folder, output, output / "theirs") if (place / ".partial-abc_0123").exists()}
    assert left == {folder, output / "theirs"}


def test_a_second_run_does_nothing_again_and_says_so(done, capsys):
    before = written(done[1])
    assert run(*done) == 0
    assert written(done[1]) == before
    told = capsys.readouterr().out
    assert told.count("done by an earlier run") == 2 and "2 of 2 photos written" in told


def test_what_is_missing_is_done(done):
    (_, earlier), expected = written(done[1]), (done[1] / "a.jpg").read_bytes()
    (done[1] / "a.jpg").unlink()
    assert run(*done) == 0
    assert (done[1] / "a.jpg").read_bytes() == expected and written(done[1])[1] == earlier


@pytest.mark.parametrize("more", [["--overwrite"], ["--mask", "face-120"], ["--seed", "3"], ["--gif"]])
def test_other_wishes_are_done(done, more):
    before = written(done[1])
    assert run(*done, *more) == 0
    assert all(now > then for now, then in zip(written(done[1]), before, strict=True))


def test_other_boxes_are_done(done, tmp_path):
    (_, earlier) = written(done[1])
    (tmp_path / "boxes.json").write_text(json.dumps({"a.jpg": [[100, 50, 200, 180]]}))
    assert run(*done, "--boxes", str(tmp_path / "boxes.json")) == 0
    record = json.loads((done[1] / "a.jpg.json").read_text())
    assert record["boxes"] == [[100, 50, 200, 180]] and written(done[1])[1] == earlier


def test_a_photo_that_changed_and_a_result_that_was_touched_are_done(done):
    expected = (done[1] / "b.jpg").read_bytes()
    with (done[0] / "a.jpg").open("ab") as photo:
        photo.write(b"more")
    (done[1] / "b.jpg").write_bytes(expected[:-100])
    before = written(done[1])
    assert run(*done) == 0
    assert all(now > then for now, then in zip(written(done[1]), before, strict=True))
    assert (done[1] / "b.jpg").read_bytes() == expected
