"""Which photos there are to do, and what may be written where."""

import json
import shutil

import pytest

from deid.anonymization import batch, pipeline
from deid.anonymization.batch import Job, UsageError
from deid.anonymization.options import Options


@pytest.fixture
def folder(sample_path, tmp_path):
    """A folder with a photo, another one deeper, and a text."""
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    for name in ("a.jpg", "deeper/b.jpg"):
        shutil.copy(sample_path, tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("not a photo")
    return tmp_path / "in"


def test_a_folder_keeps_its_tree_and_says_what_it_passed_over(folder, tmp_path):
    jobs, ignored = batch.plan_batch([str(folder)], tmp_path / "out", None)
    assert [job.name for job in jobs] == ["a.jpg", "deeper/b.jpg"] and ignored == [folder / "notes.txt"]


def test_boxes_belong_to_a_photo_by_its_name(folder, tmp_path):
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"b.jpg": [[1, 2, 3, 4]]}))
    jobs, _ = batch.plan_batch([str(folder)], tmp_path / "out", boxes)
    assert [job.boxes for job in jobs] == [None, [[1, 2, 3, 4]]]
    assert batch.read_boxes(None) == {}
    boxes.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a readable JSON file"):
        batch.read_boxes(boxes)


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
        batch.write_result(result, target, options, False)
    assert json.loads((tmp_path / "a.jpg.json").read_text()) == {"status": batch.STARTED, "written": False}
    target.rmdir()
    assert batch.write_result(result, target, options, False)
    assert json.loads((tmp_path / "a.jpg.json").read_text())["written"] is True


def test_a_failure_leaves_nothing_but_its_record(tmp_path):
    for suffix in ("", ".gif", ".json"):
        (tmp_path / f"a.jpg{suffix}").write_bytes(b"older")
    (tmp_path / "b.jpg").write_bytes(b"a file of the user's")
    batch.write_failure(tmp_path / "a.jpg", "a test")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg.json", "b.jpg"]
    assert json.loads((tmp_path / "a.jpg.json").read_text())["error"] == "a test"
