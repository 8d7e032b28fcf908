"""What may be written where, and what one photo leaves."""

import json
import os
import shutil
from pathlib import Path

import pytest

from deid.anonymization import batch, pipeline
from deid.anonymization.batch import Job, UsageError
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options


@pytest.fixture
def folder(sample_path, tmp_path):
    """A folder with a photo."""
    (tmp_path / "in").mkdir()
    shutil.copy(sample_path, tmp_path / "in" / "a.jpg")
    return tmp_path / "in"


def test_an_input_behind_a_link_is_not_written_over(folder, tmp_path):
    (tmp_path / "out").symlink_to(folder)
    with pytest.raises(UsageError, match="is an input"):
        batch.refuse_overwriting([Job(folder / "a.jpg", "a.jpg", None)], tmp_path / "out")


def test_the_manifest_is_written_after_its_photo(sample, sample_faces, tmp_path, monkeypatch):
    """Where the photo cannot be written the record does not say that it was."""
    options = Options(method="blackout", verify=False)
    result = pipeline.anonymize(sample, options, sample_faces)
    target = tmp_path / "a.jpg"
    target.mkdir()
    with pytest.raises(Exception, match="cannot be written"):
        batch.write_result(result, target, manifest(result, options), False)
    assert json.loads((tmp_path / "a.jpg.json").read_text()) == {"status": batch.STARTED, "written": False}
    target.rmdir()
    assert batch.write_result(result, target, manifest(result, options), False)
    assert json.loads((tmp_path / "a.jpg.json").read_text())["written"] is True


def test_a_failure_leaves_nothing_but_its_record(tmp_path):
    for suffix in ("", ".gif", ".json"):
        (tmp_path / f"a.jpg{suffix}").write_bytes(b"older")
    (tmp_path / "b.jpg").write_bytes(b"a file of the user's")
    assert not batch.write_failure(tmp_path / "a.jpg", "a test")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg.json", "b.jpg"]
    assert json.loads((tmp_path / "a.jpg.json").read_text())["error"] == "a test"


@pytest.mark.parametrize("blocked", ["a.jpg", "a.jpg.gif"])
def test_a_failure_raises_nothing_and_does_what_it_can(tmp_path, blocked):
    """A folder stands where one of its files should be: it is told, and the rest is done."""
    for suffix in ("", ".gif"):
        (tmp_path / f"a.jpg{suffix}").write_bytes(b"older")
    (tmp_path / blocked).unlink()
    (tmp_path / blocked).mkdir()
    (problem,) = batch.write_failure(tmp_path / "a.jpg", "a test")
    assert problem.startswith(f"{tmp_path / blocked}: what an earlier run left stays there")
    assert {path.name for path in tmp_path.iterdir()} == {blocked, "a.jpg.json"}
    assert json.loads((tmp_path / "a.jpg.json").read_text())["written"] is False


@pytest.mark.parametrize("locked", [False, True])
def test_no_record_stays_that_says_of_a_missing_photo_that_it_was_written(tmp_path, monkeypatch, locked):
    """The record cannot be replaced: it goes with its photo, or both stay."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    for suffix in ("", ".json"):
        (tmp_path / f"a.jpg{suffix}").write_text(json.dumps({"status": "anonymized", "written": True}))
    monkeypatch.setattr(os, "replace", refuse)
    unlink = Path.unlink
    if locked:
        monkeypatch.setattr(
            Path, "unlink", lambda path, **more: (refuse if path.suffix == ".json" else unlink)(path, **more)
        )
    problems = batch.write_failure(tmp_path / "a.jpg", "a test")
    assert f"{tmp_path / 'a.jpg.json'}: cannot be written (Permission denied)" in problems[0]
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".partial")}
    assert left == ({"a.jpg", "a.jpg.json"} if locked else set())


@pytest.mark.parametrize("below", ["", "deeper/and/deeper"])
def test_an_output_that_cannot_be_a_folder_is_refused(tmp_path, below):
    (tmp_path / "file").write_bytes(b"theirs")
    with pytest.raises(UsageError, match="file: not a folder; choose another output folder"):
        batch.check_folder(tmp_path / "file" / below)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match="link: not a folder"):
        batch.check_folder(tmp_path / "link" / below)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder that even root cannot write to")
def test_an_output_that_cannot_be_written_to_is_refused():
    with pytest.raises(UsageError, match="/proc: cannot be written to"):
        batch.check_folder(Path("/proc/deid/out"))


def test_looking_at_the_output_leaves_nothing(tmp_path):
    batch.check_folder(tmp_path / "new" / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.jpg", "a.jpg.gif", "a.jpg.json"])
def test_a_folder_where_a_result_should_be_is_not_ours(folder, tmp_path, name):
    out = tmp_path / "out"
    (out / name).mkdir(parents=True)
    if name != "a.jpg.json":
        (out / "a.jpg.json").write_text(json.dumps({"status": "anonymized", "written": True}))
    with pytest.raises(UsageError, match=f"{name}: exists, and no earlier run wrote it"):
        batch.refuse_overwriting([Job(folder / "a.jpg", "a.jpg", None)], out)


@pytest.mark.parametrize(
    ("first", "second", "blind"),
    [
        ("a.jpg", "a.jpg.json", False),
        ("a.jpg", "a.jpg.gif", False),
        ("a.jpg", "a.jpg/b.jpg", False),
        ("IMG.jpg", "img.JPG", True),
        ("D/a.jpg", "d", True),
    ],
)
def test_photos_whose_files_would_meet_are_refused(tmp_path, first, second, blind):
    jobs = [Job(Path("1", first), first, None), Job(Path("2", second), second, None)]
    with pytest.raises(UsageError, match="run them apart"):
        batch.refuse_clashes(jobs, tmp_path / "out", case_blind=blind)
    other = [jobs[0], Job(Path("2", "c.jpg"), "c.jpg", None)]
    batch.refuse_clashes(other, tmp_path / "out", case_blind=blind)


def test_names_that_differ_by_case_are_two_where_the_disk_says_so(tmp_path):
    (tmp_path / "a").touch()
    jobs = [Job(Path(name), name, None) for name in ("IMG.jpg", "img.JPG")]
    if (tmp_path / "A").exists():
        with pytest.raises(UsageError, match="run them apart"):
            batch.refuse_clashes(jobs, tmp_path / "out")
    else:
        batch.refuse_clashes(jobs, tmp_path / "out")
