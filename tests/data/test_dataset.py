"""Photos become crops once: killed, broken or repeated, nothing is lost and nothing redone."""

import json
import signal
import subprocess
import sys
import tarfile
import textwrap
from collections import Counter
from pathlib import Path

import pytest
import torch

from deid.data import dataset
from deid.data.dataset import DatasetProgress, Settings
from deid.locks import BusyError
from deid.photo import alignment, images
from deid.photo.faces import Face
from deid.photo.images import ImageError
from deid.storage import FolderError


def create(
    photos: list[Path], output: Path, settings: Settings | None = None, **options
) -> list[DatasetProgress]:
    return list(dataset.create(photos, output, settings, **options))


def contents(output: Path) -> dict[str, bytes]:
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*.png")}


def test_a_folder_becomes_crops_and_an_index(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 5)
    steps = create(photos, tmp_path / "faces", batch=2)
    assert [step.done for step in steps] == [0, 2, 4, 5] and {step.total for step in steps} == {5}
    assert steps[-1].crops == 5 and not steps[-1].dropped and steps[-1].photos_per_second > 0
    records = dataset.read_index(tmp_path / "faces")
    assert [record["source"] for record in records] == [photo.name for photo in photos]
    for record in records:
        (face,) = record["faces"]
        assert record["size"] == [200, 240] and face["score"] > 0.9 and len(face["landmarks"]) == 5
        assert images.load(tmp_path / "faces" / face["crop"]).size == (64, 64)
    assert json.loads((tmp_path / "faces" / dataset.SETTINGS).read_text())["alignment"] == "landmarks"
    assert not list((tmp_path / "faces").rglob(".partial*"))


def test_eyes_are_level_when_aligned_and_as_they_were_when_square(tmp_path, portraits):
    """Portrait 1 is the tilted one: the left eye of the aligned crop lies as high as the right one."""
    photos = portraits(tmp_path / "photos", 2)[1:]
    heights = {}
    for way in ("landmarks", "square"):
        settings = Settings(alignment=way)
        create(photos, tmp_path / way, settings)
        (face,) = dataset.read_index(tmp_path / way)[0]["faces"]
        assert (tmp_path / way / face["crop"]).exists()
        found = Face(tuple(face["box"]), face["score"], tuple(map(tuple, face["landmarks"])))
        there = alignment.invert(settings.matrix(found))
        eyes = alignment.apply(there, found.points()[:2])
        heights[way] = abs(eyes[0, 1] - eyes[1, 1]).item()
    assert heights["landmarks"] < 1.5 < 4 < heights["square"]


def test_largest_or_every_face(tmp_path, sample_path):
    assert create([sample_path], tmp_path / "one")[-1].crops == 1
    assert create([sample_path], tmp_path / "all", Settings(select="all"))[-1].crops == 2
    (record,) = dataset.read_index(tmp_path / "one")
    assert record["faces"][0]["box"][0] > 580  # the right one is the larger one


def test_what_is_dropped_is_counted_by_reason(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 2)
    with images.Image.open(photos[0]) as photo:
        photo.crop((60, 20, 180, 150)).save(tmp_path / "photos" / "tight.jpg")
        images.Image.new("RGB", (200, 200), "grey").save(tmp_path / "photos" / "blank.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(photos[0].read_bytes()[:2000])
    photos = images.find(tmp_path / "photos")
    step = create(photos, tmp_path / "faces", batch=2)[-1]
    assert step.dropped == Counter({"unreadable": 1, "no face": 1, "leaves the photo": 1})
    assert (step.done, step.crops) == (5, 2)
    (broken,) = (
        record for record in dataset.read_index(tmp_path / "faces") if record["source"] == "broken.jpg"
    )
    assert "broken.jpg" in broken["error"] and broken["faces"] == []
    small = create(photos, tmp_path / "large-only", Settings(min_side=200))[-1]
    assert small.crops == 0 and small.dropped["too small"] == 3
    assert dataset.summarize(dataset.read_index(tmp_path / "faces")).dropped == step.dropped


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, portraits):
    """SIGKILL in the middle: what has a line is not touched again; the end is that of an undisturbed run."""
    photos = portraits(tmp_path / "photos", 16)
    program = f"""
        import torch; torch.set_num_threads({torch.get_num_threads()})  # other threads, other last bits
        from deid.data import dataset
        from deid.photo import images
        photos = images.find({str(tmp_path / "photos")!r})
        for step in dataset.create(photos, {str(tmp_path / "faces")!r}, batch=1):
            print(step.done, flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as run:
        while int(run.stdout.readline()) < 3:
            pass
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    before = dataset.read_index(tmp_path / "faces")
    assert 3 <= len(before) < 16
    finished = [tmp_path / "faces" / face["crop"] for record in before for face in record["faces"]]
    written = {path: path.stat().st_mtime_ns for path in finished}

    steps = create(photos, tmp_path / "faces", batch=1)
    assert steps[0].done == len(before) and steps[-1].done == steps[-1].total == 16 == steps[-1].crops
    assert {path: path.stat().st_mtime_ns for path in finished} == written
    after = dataset.read_index(tmp_path / "faces")
    assert after[: len(before)] == before
    create(photos, tmp_path / "undisturbed", batch=1)
    assert after == dataset.read_index(tmp_path / "undisturbed")
    assert contents(tmp_path / "faces") == contents(tmp_path / "undisturbed")


def test_a_torn_line_is_redone(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 3)
    create(photos, tmp_path / "faces", batch=1)
    whole = (tmp_path / "faces" / dataset.INDEX).read_bytes()
    (tmp_path / "faces" / dataset.INDEX).write_bytes(whole[:-20])
    assert len(dataset.read_index(tmp_path / "faces")) == 2
    assert create(photos, tmp_path / "faces", batch=1)[0].done == 2
    assert (tmp_path / "faces" / dataset.INDEX).read_bytes() == whole


def test_two_at_once_in_one_folder_are_refused_and_readers_change_nothing(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 3)
    first = dataset.create(photos, tmp_path / "faces", batch=1)
    assert [next(first).done, next(first).done] == [0, 1]
    with pytest.raises(BusyError, match=f"^{tmp_path / 'faces'}: another run is at work there"):
        next(dataset.create(photos, tmp_path / "faces"))
    with pytest.raises(BusyError):
        dataset.discard(tmp_path / "faces")
    index = tmp_path / "faces" / dataset.INDEX
    index.write_bytes(torn := index.read_bytes() + b'{"source"')
    assert len(dataset.read_index(tmp_path / "faces")) == 1 and index.read_bytes() == torn
    first.close()
    assert create(photos, tmp_path / "faces")[-1].done == 3
    dataset.discard(tmp_path / "faces")
    assert not (tmp_path / "faces").exists()


def test_a_finished_dataset_reads_no_photo(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 2)
    create(photos, tmp_path / "faces")
    for photo in photos:
        photo.write_bytes(b"gone")
    steps = create(photos, tmp_path / "faces")
    assert [(step.done, step.crops) for step in steps] == [(2, 2)]


def test_other_settings_are_refused(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 1)
    create(photos, tmp_path / "faces")
    with pytest.raises(ImageError, match=r"dataset\.json: made with .*another output folder"):
        create(photos, tmp_path / "faces", Settings(alignment="square"))
    with pytest.raises(ValueError, match="alignment must be"):
        Settings(alignment="round")
    with pytest.raises(ValueError, match="select must be"):
        Settings(select="best")


def test_equal_names_need_their_folder(tmp_path, portraits):
    photos = [*portraits(tmp_path / "a", 1), *portraits(tmp_path / "b", 1)]
    with pytest.raises(ValueError, match="pass root="):
        create(photos, tmp_path / "faces")
    step = create(photos, tmp_path / "faces", root=tmp_path)[-1]
    assert (step.done, step.crops) == (2, 2)
    assert {record["source"] for record in dataset.read_index(tmp_path / "faces")} == {
        "a/portrait-00.jpg",
        "b/portrait-00.jpg",
    }


def test_nearly_all_real_portraits_become_crops(tmp_path, shared_data):
    """32 of CelebA's own test photos: a face in each, and at least two thirds fit the frame."""
    with tarfile.open(shared_data / "celeba-faces.tar") as archive:
        members = [member for _, member in zip(range(60), archive, strict=False) if member.isfile()][:32]
        archive.extractall(tmp_path / "photos", members, filter="data")
    step = create(images.find(tmp_path / "photos"), tmp_path / "faces")[-1]
    assert step.done == 32 and step.dropped["no face"] <= 1 and step.crops >= 21


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["index.jsonl", "crops/holiday.jpg", "dataset.json"])
def test_a_folder_with_foreign_files_of_our_names_is_refused_and_they_survive(tmp_path, portraits, name):
    photos, output = portraits(tmp_path / "photos", 1), tmp_path / "theirs"
    (output / name).parent.mkdir(parents=True)
    (output / name).write_text("{}")
    with pytest.raises(FolderError, match="but not a dataset.json of this project; choose another folder"):
        create(photos, output)
    with pytest.raises(FolderError, match="not cleared"):
        dataset.discard(output)
    assert names(output) == {name} and (output / name).read_text() == "{}"
    assert dataset.read_index(output) == [], "a foreign index is not read"


def test_a_refused_dataset_leaves_nothing(tmp_path, portraits):
    photos = [*portraits(tmp_path / "a", 1), *portraits(tmp_path / "b", 1)]
    with pytest.raises(ValueError, match="pass root="):
        create(photos, tmp_path / "faces")
    assert not (tmp_path / "faces").exists()


def test_discarding_removes_the_dataset_and_nothing_else(tmp_path, portraits):
    photos, output = portraits(tmp_path / "photos", 3), tmp_path / "faces"
    create(photos, output, root=tmp_path)
    dataset.discard(output, photos)
    assert not output.exists() and all(photo.exists() for photo in photos)
    create(photos, output)
    foreign = {"notes.txt", "crops/holiday.png", "crops/mine-1.png", "more/portrait-00.jpg-0.png"}
    for name in foreign:
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_text("theirs")
    dataset.discard(output, photos)
    assert names(output) == foreign
    dataset.discard(tmp_path / "missing")


def test_a_dataset_that_holds_its_photos_is_not_discarded(tmp_path, portraits):
    photos, output = portraits(tmp_path / "faces" / "photos", 1), tmp_path / "faces"
    create(photos, output)
    before = names(output)
    with pytest.raises(FolderError, match="holds the input"):
        dataset.discard(output, photos)
    assert names(output) == before


def test_a_tampered_index_deletes_nothing_but_crops(tmp_path, portraits):
    photos, output = portraits(tmp_path / "photos", 1), tmp_path / "faces"
    create(photos, output)
    victims = [tmp_path / "victim.png", output / "notes.txt"]
    for victim in victims:
        victim.write_text("theirs")
    tampered = ["../victim.png", "crops/../../victim.png", "crops/../notes.txt", str(victims[0]), "notes.txt"]
    with open(output / dataset.INDEX, "a") as index:
        for name in tampered:
            index.write(json.dumps({"source": name, "faces": [{"crop": name}]}) + "\n")
    dataset.discard(output)
    assert all(victim.read_text() == "theirs" for victim in victims) and names(output) == {"notes.txt"}


def test_a_folder_of_a_killed_run_can_be_discarded_and_used_again(tmp_path, portraits):
    """Crops that have no line yet, and one that was just being written, do not block the folder."""
    photos, output = portraits(tmp_path / "photos", 2), tmp_path / "faces"
    create(photos, output)
    (output / dataset.INDEX).write_text("")
    (output / "crops" / f"{dataset.storage.PARTIAL}xyz").write_bytes(b"half")
    dataset.discard(output)
    assert not output.exists()
    assert create(photos, output)[-1].crops == 2


def test_a_damaged_index_is_named(tmp_path, portraits):
    create(portraits(tmp_path / "photos", 1), tmp_path / "faces")
    (tmp_path / "faces" / dataset.INDEX).write_text("{broken\n")
    with pytest.raises(ImageError, match=r"index\.jsonl: damaged .*delete the folder and make it again"):
        dataset.read_index(tmp_path / "faces")


def test_a_torn_line_of_a_foreign_index_is_left_alone(tmp_path):
    (tmp_path / dataset.INDEX).write_text("torn")
    assert dataset.read_index(tmp_path) == [] and (tmp_path / dataset.INDEX).read_text() == "torn"
