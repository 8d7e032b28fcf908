"""Which photos there are to do, which are refused before the first one, and which files are none."""

import contextlib
import json
import os
import shutil

import pytest
from PIL import Image

from deid.anonymization.batch import UsageError
from deid.anonymization.planning import plan_batch, plan_beside, refuse_overwriting
from deid.photo import opening
from deid.photo.inputs import InputError


@pytest.fixture
def folder(sample_path, tmp_path):
    """A folder with a photo, another one deeper, and a text."""
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    for name in ("a.jpg", "deeper/b.jpg"):
        shutil.copy(sample_path, tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("not a photo")
    return tmp_path / "in"


def planned(*inputs, output) -> list[str]:
    return [job.name for job in plan_batch([str(given) for given in inputs], output, None).jobs]


def test_a_folder_keeps_its_tree_and_says_what_it_passed_over(folder, tmp_path):
    plan = plan_batch([str(folder)], tmp_path / "out", None)
    assert [job.name for job in plan.jobs] == ["a.jpg", "deeper/b.jpg"]
    assert plan.ignored == [folder / "notes.txt"] and not plan.refused


def test_boxes_belong_to_a_photo_by_its_name(folder, tmp_path):
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"b.jpg": [[1, 2, 3, 4]]}))
    plan = plan_batch([str(folder)], tmp_path / "out", boxes)
    assert [job.wishes and job.wishes.given for job in plan.jobs] == [None, [[1, 2, 3, 4]]]


def test_whatever_looks_like_a_photo_is_to_be_done(folder, tmp_path):
    for name in ("c.HEIC", "d.avif", "e.cr3", "f.gif", "gone.jpg"):
        (folder / name).symlink_to("nowhere")
    shutil.copy(folder / "a.jpg", folder / "no suffix")
    expected = ["a.jpg", "c.HEIC", "d.avif", "deeper/b.jpg", "e.cr3", "f.gif", "gone.jpg", "no suffix"]
    assert planned(folder, output=tmp_path / "out") == expected


def test_a_folder_that_is_not_entered_is_refused_by_name(folder, tmp_path):
    (folder / "up").symlink_to(tmp_path)
    plan = plan_batch([str(folder)], tmp_path / "out", None)
    assert [path for path, _ in plan.refused] == [folder / "up"] and len(plan.jobs) == 2


@pytest.mark.skipif(os.name == "nt", reason="names are counted otherwise, and paths end before")
def test_a_name_that_leaves_no_room_for_its_manifest_stops_no_other(folder, tmp_path):
    longest = folder / f"{'x' * 246}.jpg"
    too_long = folder / f"{'é' * 124}.jpg"  # 252 bytes
    for path in (longest, too_long):
        shutil.copy(folder / "a.jpg", path)
    plan = plan_batch([str(folder)], tmp_path / "out", None)
    assert [job.name for job in plan.jobs] == ["a.jpg", "deeper/b.jpg", longest.name]
    ((path, reason),) = plan.refused
    assert path == too_long and "has more than 255 bytes; rename it" in reason
    assert plan_batch([str(too_long)], tmp_path / "out", None).refused == plan.refused, (
        "refused, not no photo"
    )


def test_a_pattern_that_no_shell_expanded_is_expanded(folder, tmp_path):
    assert planned(folder / "*.jpg", output=tmp_path / "out") == ["a.jpg"]
    assert planned(folder / "dee*", output=tmp_path / "out") == ["b.jpg"]
    (folder / "[1].jpg").touch()
    assert planned(folder / "[1].jpg", output=tmp_path / "out") == ["[1].jpg"], (
        "a name comes before a pattern"
    )
    with pytest.raises(InputError, match="no such file or folder"):
        plan_batch([str(folder / "*.png")], tmp_path / "out", None)


@pytest.mark.parametrize("where", ["relative", "absolute", "dots", "link"])
def test_what_an_earlier_run_wrote_is_no_input_however_it_is_named(folder, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    out = folder / "out"
    out.mkdir()
    for name in ("a.jpg", "a.jpg.gif"):
        shutil.copy(folder / "a.jpg", out / name)
    (out / "a.jpg.json").write_text(json.dumps({"status": "anonymized", "written": True}))
    os.symlink(folder, tmp_path / "link")
    given = {"relative": "in", "absolute": folder, "dots": "in/../in", "link": "link"}[where]
    plan = plan_batch([str(given)], out, None)
    assert [job.name for job in plan.jobs] == ["a.jpg", "deeper/b.jpg"]
    assert [path.name for path in plan.ignored] == ["notes.txt"]
    assert planned("in/a.jpg", "in/out", output=out) == ["a.jpg"], "as a shell expands in/*"


def test_a_photo_in_the_output_folder_that_no_run_wrote_is_done(folder):
    shutil.copy(folder / "a.jpg", folder / "deeper" / "new.jpg")
    names = planned(folder, output=folder / "deeper")
    assert names == ["a.jpg", "deeper/b.jpg", "deeper/new.jpg"]


def test_a_photo_put_beside_the_record_of_a_failure_is_an_input(folder):
    """An earlier run wrote the record and no photo."""
    shutil.copy(folder / "a.jpg", folder / "deeper" / "new.jpg")
    (folder / "deeper" / "new.jpg.json").write_text(json.dumps({"status": "not written", "written": False}))
    plan = plan_batch([str(folder)], folder / "deeper", None)
    assert "deeper/new.jpg" in [job.name for job in plan.jobs]
    assert [path.name for path in plan.ignored] == ["notes.txt"]


def test_an_output_that_is_the_input_is_said_so(folder):
    with pytest.raises(UsageError, match=r"a\.jpg is an input: choose another output folder"):
        refuse_overwriting([plan_batch([str(folder)], folder, None)])


def test_the_same_photo_twice_is_one(folder, tmp_path):
    (tmp_path / "link.jpg").symlink_to(folder / "a.jpg")
    assert planned(folder / "a.jpg", folder / "a.jpg", output=tmp_path / "out") == ["a.jpg"]
    other = tmp_path / "a.jpg"
    shutil.copy(folder / "a.jpg", other)
    with pytest.raises(UsageError, match="would both become"):
        planned(folder / "a.jpg", other, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("box", "wrong"),
    [
        ([5000, 10, 5100, 110], "outside of the photo"),
        ([-200, -200, -100, 0], "outside of the photo"),
        ([0, 0, 1_000_000, 1_000_000], "more than 3 times as large as the photo"),
        ([0, 0, 50, 1e300], "more than 3 times"),
    ],
)
def test_boxes_where_no_face_can_be_are_refused_before_anything_is_done(folder, tmp_path, box, wrong):
    (tmp_path / "boxes.json").write_text(json.dumps({"b.jpg": [[10, 10, 90, 90], box]}))
    with pytest.raises(UsageError, match=rf"boxes\.json: deeper/b\.jpg: .*{wrong}"):
        plan_batch([str(folder)], tmp_path / "out", tmp_path / "boxes.json")


def test_a_box_may_reach_beyond_the_border_and_is_seen_in_the_upright_photo(tmp_path):
    turned = Image.new("RGB", (100, 300))
    exif = turned.getexif()
    exif[opening.ORIENTATION] = 6
    turned.save(tmp_path / "t.jpg", exif=exif)
    for box, fits in (([250, 50, 350, 150], True), ([20, 250, 60, 290], False)):  # 300x100, as it is shown
        (tmp_path / "boxes.json").write_text(json.dumps({"t.jpg": [box]}))
        given = [str(tmp_path / "t.jpg")], tmp_path / "out", tmp_path / "boxes.json"
        with contextlib.nullcontext() if fits else pytest.raises(UsageError, match="300x100"):
            plan_batch(*given)


def test_boxes_as_shares_of_the_photo_are_refused(folder, tmp_path):
    """They would hide nothing."""
    (tmp_path / "boxes.json").write_text(json.dumps({"a.jpg": [[0.1, 0.2, 0.3, 0.4]]}))
    with pytest.raises(UsageError, match="under 2 pixels; give pixels, not shares"):
        plan_batch([str(folder)], tmp_path / "out", tmp_path / "boxes.json")


def test_clips_are_done_among_photos_and_old_containers_get_a_new_one(folder, tmp_path):
    for name in ("b.mp4", "deeper/Old.AVI"):
        (folder / name).touch()
    assert planned(folder, output=tmp_path / "out") == ["a.jpg", "b.mp4", "deeper/Old.mkv", "deeper/b.jpg"]
    (folder / "deeper" / "Old.mkv").touch()
    with pytest.raises(UsageError, match=r"Old\.mkv; run them apart"):
        planned(folder, output=tmp_path / "out")


def test_beside_the_originals_each_input_has_its_own_folder_and_name(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    shutil.copy(folder / "a.jpg", tmp_path / "c.png")
    plans = plan_beside(["a.jpg", "deeper", str(tmp_path / "c.png"), "./deeper/../a.jpg"], None)
    results = [os.path.relpath(plan.output / job.name, tmp_path) for plan in plans for job in plan.jobs]
    assert results == ["in/a_anonymized.jpg", "in/deeper_anonymized/b.jpg", "c_anonymized.png"]
    (whole,) = plan_beside(["."], None)
    assert whole.output == tmp_path / "in_anonymized"
    with pytest.raises(UsageError, match="nothing can lie beside it"):
        plan_beside(["/"], None)


def test_no_result_beside_an_original_replaces_another_input(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shutil.copy("a.jpg", "a_anonymized.jpg")
    with pytest.raises(UsageError, match="a_anonymized.jpg is an input"):
        refuse_overwriting(plan_beside(["a.jpg", "a_anonymized.jpg"], None))
    (folder / "a_anonymized.jpg.json").write_text(json.dumps({"status": "anonymized", "written": True}))
    (plan,) = plan_beside(["a.jpg", "a_anonymized.jpg"], None)
    assert [job.source.name for job in plan.jobs] == ["a.jpg"], "an earlier run wrote the other one"
