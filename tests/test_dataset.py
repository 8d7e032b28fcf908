"""Photos become crops once: killed, broken or repeated, nothing is lost and nothing redone."""

import json
import signal
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from deid import dataset, images, sources
from deid.dataset import FaceCrops, Settings
from deid.generators import load_generator
from deid.images import ImageError


def create(photos: list[Path], output: Path, settings: Settings | None = None, **options) -> list[dataset.Step]:
    return list(dataset.create(photos, output, settings, **options))


def contents(output: Path) -> dict[str, bytes]:
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*.png")}


def test_a_folder_becomes_crops_and_an_index(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 5)
    steps = create(photos, tmp_path / "faces", batch=2)
    assert [step.done for step in steps] == [0, 2, 4, 5] and {step.total for step in steps} == {5}
    assert steps[-1].kept == 5 and not steps[-1].dropped and steps[-1].photos_per_second > 0
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
    for alignment in ("landmarks", "square"):
        settings = Settings(alignment=alignment)
        create(photos, tmp_path / alignment, settings)
        (face,) = dataset.read_index(tmp_path / alignment)[0]["faces"]
        assert (tmp_path / alignment / face["crop"]).exists()
        found = dataset.Face(tuple(face["box"]), face["score"], tuple(map(tuple, face["landmarks"])))
        there = dataset.faces.invert(settings.matrix(found))
        eyes = dataset.faces.apply(there, found.points()[:2])
        heights[alignment] = abs(eyes[0, 1] - eyes[1, 1]).item()
    assert heights["landmarks"] < 1.5 < 4 < heights["square"]


def test_largest_or_every_face(tmp_path, sample_path):
    assert create([sample_path], tmp_path / "one")[-1].kept == 1
    assert create([sample_path], tmp_path / "all", Settings(select="all"))[-1].kept == 2
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
    assert (step.done, step.kept) == (5, 2)
    (broken,) = (record for record in dataset.read_index(tmp_path / "faces") if record["source"] == "broken.jpg")
    assert "broken.jpg" in broken["error"] and broken["faces"] == []
    small = create(photos, tmp_path / "large-only", Settings(min_side=200))[-1]
    assert small.kept == 0 and small.dropped["too small"] == 3
    assert dataset.summarize(dataset.read_index(tmp_path / "faces")).dropped == step.dropped


def test_a_killed_run_goes_on_where_it_stopped(tmp_path, portraits):
    """SIGKILL in the middle: what has a line is not touched again, and the end is that of an undisturbed run."""
    photos = portraits(tmp_path / "photos", 16)
    program = f"""
        import torch; torch.set_num_threads({torch.get_num_threads()})  # other threads, other last bits
        from deid import dataset, images
        for step in dataset.create(images.find({str(tmp_path / "photos")!r}), {str(tmp_path / "faces")!r}, batch=1):
            print(step.done, flush=True)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True) as run:
        while int(run.stdout.readline()) < 3:
            pass
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    before = dataset.read_index(tmp_path / "faces")
    assert 3 <= len(before) < 16
    finished = [tmp_path / "faces" / face["crop"] for record in before for face in record["faces"]]
    written = {path: path.stat().st_mtime_ns for path in finished}

    steps = create(photos, tmp_path / "faces", batch=1)
    assert steps[0].done == len(before) and steps[-1].done == steps[-1].total == 16 == steps[-1].kept
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


def test_a_finished_dataset_reads_no_photo(tmp_path, portraits):
    photos = portraits(tmp_path / "photos", 2)
    create(photos, tmp_path / "faces")
    for photo in photos:
        photo.write_bytes(b"gone")
    steps = create(photos, tmp_path / "faces")
    assert [(step.done, step.kept) for step in steps] == [(2, 2)]


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
    assert (step.done, step.kept) == (2, 2)
    assert {record["source"] for record in dataset.read_index(tmp_path / "faces")} == {
        "a/portrait-00.jpg",
        "b/portrait-00.jpg",
    }


def test_large_photos_are_not_decoded_all_at_once(tmp_path, monkeypatch, portraits):
    photos = portraits(tmp_path / "photos", 4)
    monkeypatch.setattr(dataset, "CHUNK_PIXELS", 60_000)  # a portrait has 48,000
    assert [step.done for step in create(photos, tmp_path / "faces", batch=32)] == [0, 2, 4]


def test_photos_of_mixed_sizes_keep_their_coordinates(sample):
    cut = sample.pixels[..., :477, :601]
    alone = dataset.detect_many([cut], 0.9, 24)[0]
    both = dataset.detect_many([sample.pixels, cut, torch.zeros(1, 3, 9, 9)], 0.9, 24)
    assert [len(found) for found in both] == [2, 1, 0]
    torch.testing.assert_close(both[1][0].points(), alone[0].points(), rtol=0, atol=0.05)


def test_crops_are_batches_between_minus_one_and_one(crops):
    batch = crops.batch([4, 0, 4])
    assert batch.shape == (3, 3, 64, 64) and batch.dtype == torch.float32
    assert -1 <= batch.min() < -0.5 and 0.5 < batch.max() <= 1
    assert torch.equal(batch[0], batch[2]) and torch.equal(batch[1], crops[0]) and not torch.equal(batch[0], batch[1])
    assert torch.equal(batch[:1], images.load(crops.paths[4]).pixels)
    torch.testing.assert_close(crops.mean(), crops.batch(range(len(crops))).mean(0, keepdim=True))
    loader = torch.utils.data.DataLoader(crops, batch_size=4)
    assert [len(part) for part in loader] == [4, 2]


def test_crops_of_several_folders_and_of_none(tmp_path, portraits):
    for name in "ab":
        create(portraits(tmp_path / f"photos-{name}", 2), tmp_path / name)
    assert len(FaceCrops([tmp_path / "a", tmp_path / "b"])) == 4
    assert len(FaceCrops([tmp_path / "a", tmp_path / "b"], limit=3)) == 3
    with pytest.raises(ImageError, match="no crops; run notebook 01"):
        FaceCrops(tmp_path / "c")


def celeba_layout(folder: Path, portraits) -> list[Path]:
    photos = portraits(folder / "img_align_celeba", 3)
    for number, photo in enumerate(photos, 1):
        photo.rename(photo.with_name(f"{number:06}.jpg"))
    lines = ["000001.jpg 0", "000002.jpg 1", "000003.jpg 2"]
    (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    return images.find(folder / "img_align_celeba")


@pytest.mark.parametrize("inside", ["celeba", "."])
def test_celeba_as_published(tmp_path, portraits, inside):
    photos = celeba_layout(tmp_path / inside, portraits)
    assert sources.celeba(tmp_path) == photos
    assert [sources.celeba(tmp_path, split) for split in ("train", "valid", "test")] == [[photo] for photo in photos]
    with pytest.raises(ValueError, match="split must be"):
        sources.celeba(tmp_path, "dev")
    (tmp_path / inside / "list_eval_partition.txt").unlink()
    with pytest.raises(ImageError, match="list_eval_partition.txt: needed for split='train'"):
        sources.celeba(tmp_path, "train")


def test_celeba_missing_says_where_to_get_it(tmp_path):
    with pytest.raises(ImageError, match=r"no img_align_celeba folder; pass download=True, or fetch .*\.zip by hand"):
        sources.celeba(tmp_path)


def test_celeba_download_refused_says_what_to_do(tmp_path, monkeypatch):
    """The real downloader against a port where nobody listens."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(ImageError, match=r"(?s)could not be downloaded \(.*127\.0\.0\.1.*daily quota.*by hand"):
        sources.celeba(tmp_path, download=True)


def test_lfw_layout(tmp_path, portraits):
    for person, count in [("Ada_Lovelace", 2), ("Emmy_Noether", 1)]:
        for number, photo in enumerate(portraits(tmp_path / person, count), 1):
            photo.rename(photo.with_name(f"{person}_{number:04}.jpg"))
    (tmp_path / "README").touch()
    names = [photo.stem for photo in sources.lfw(tmp_path)]
    assert names == ["Ada_Lovelace_0001", "Ada_Lovelace_0002", "Emmy_Noether_0001"]
    assert [photo.stem for photo in sources.lfw(tmp_path, min_photos=2)] == names[:2]
    for empty in (tmp_path / "Ada_Lovelace", tmp_path / "missing"):
        with pytest.raises(ImageError, match="no LFW photos; expected folders NAME"):
            sources.lfw(empty)


def test_real_portraits_are_nearly_all_kept(tmp_path, shared_data):
    """32 of CelebA's own test photos: a face in each, and at least two thirds fit the frame."""
    with tarfile.open(shared_data / "celeba-faces.tar") as archive:
        members = [member for _, member in zip(range(60), archive, strict=False) if member.isfile()][:32]
        archive.extractall(tmp_path / "photos", members, filter="data")
    step = create(images.find(tmp_path / "photos"), tmp_path / "faces")[-1]
    assert step.done == 32 and step.dropped["no face"] <= 1 and step.kept >= 21


def test_without_crops_a_study_learns_from_nobody(tmp_path, crops, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = crops.paths[0].parents[1]
    generator = load_generator("dcgan-64")
    assert dataset.crops_or_nobody([folder, folder], generator).paths == crops.paths * 2
    for missing in ([], [folder, tmp_path / "not made"]):
        drawn = dataset.crops_or_nobody(missing, generator, count=4)
        assert 1 <= len(drawn) <= 4 and not list(tmp_path.iterdir()), "drawn, read, and gone from the disk"


def test_crops_at_another_size_have_their_landmarks_there(crops):
    _ = crops.landmarks
    half, anew = crops.at(32), FaceCrops(crops.paths[0].parents[1]).at(32)
    assert torch.allclose(half[0], F.avg_pool2d(crops[0][None], 2)[0], atol=1 / 127)
    torch.testing.assert_close((half.landmarks + 0.5) * 2 - 0.5, crops.landmarks)
    torch.testing.assert_close(anew.landmarks, half.landmarks)
    assert crops.at(64) is crops and crops.at(128).batch([0]).shape == (1, 3, 128, 128)
