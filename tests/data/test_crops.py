"""Crops as training data: batches, their landmarks, other sizes, and synthetic ones where there are none."""

import json
import shutil
import tempfile

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from deid.data import crops as data_crops
from deid.data import dataset
from deid.data.crops import FaceCrops, NoCropsError
from deid.generators import load_generator
from deid.photo import alignment, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.photo.images import ImageError


def test_crops_are_batches_between_minus_one_and_one(crops):
    batch = crops.batch([4, 0, 4])
    assert batch.shape == (3, 3, 64, 64) and batch.dtype == torch.float32
    assert -1 <= batch.min() < -0.5 and 0.5 < batch.max() <= 1
    assert (
        torch.equal(batch[0], batch[2])
        and torch.equal(batch[1], crops[0])
        and not torch.equal(batch[0], batch[1])
    )
    assert torch.equal(batch[:1], images.load(crops.paths[4]).pixels)
    torch.testing.assert_close(crops.mean(), crops.batch(range(len(crops))).mean(0, keepdim=True))
    loader = torch.utils.data.DataLoader(crops, batch_size=4)
    assert [len(part) for part in loader] == [4, 2]


def test_crops_of_several_folders_and_of_none(tmp_path, portraits):
    for name in "ab":
        list(dataset.create(portraits(tmp_path / f"photos-{name}", 2), tmp_path / name))
    assert len(FaceCrops([tmp_path / "a", tmp_path / "b"])) == 4
    assert len(FaceCrops([tmp_path / "a", tmp_path / "b"], limit=3)) == 3
    for folders in (tmp_path / "c", [tmp_path / "a", tmp_path / "c"]):  # one of two is not passed over
        with pytest.raises(NoCropsError, match=f"^{tmp_path / 'c'}: no crops; run notebook 01"):
            FaceCrops(folders)
    with pytest.raises(ImageError, match="no crops"):
        FaceCrops([])


def test_crops_at_another_size_have_their_landmarks_there(crops):
    _ = crops.landmarks
    half, anew = crops.at(32), FaceCrops(crops.paths[0].parents[1]).at(32)
    assert torch.allclose(half[0], F.avg_pool2d(crops[0][None], 2)[0], atol=1 / 127)
    torch.testing.assert_close((half.landmarks + 0.5) * 2 - 0.5, crops.landmarks)
    torch.testing.assert_close(anew.landmarks, half.landmarks)
    assert crops.at(64) is crops and crops.at(128).batch([0]).shape == (1, 3, 128, 128)


def test_crops_know_their_landmarks(crops):
    """Aligned crops: each landmark lies within a few pixels of the template."""
    assert crops.landmarks.shape == (len(crops), 5, 2)
    assert (crops.landmarks - DCGAN_FRAME.points()).abs().max() < 6
    matrix = DCGAN_FRAME.matrix(Face((0, 0, 64, 64), 1.0, tuple(map(tuple, crops.landmarks[0].tolist()))))
    assert alignment.scale(matrix) == pytest.approx(1, abs=0.02), "they are in the frame's own pixels"


@pytest.mark.slow
def test_a_study_that_names_no_folder_learns_from_synthetic_crops(tmp_path, crops, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = crops.paths[0].parents[1]
    generator = load_generator("dcgan-64")
    assert data_crops.crops_or_synthetic([folder, folder], generator).paths == crops.paths * 2
    drawn = data_crops.crops_or_synthetic([], generator, count=4)
    assert 1 <= len(drawn) <= 4 and not list(tmp_path.iterdir()), "drawn, read, and gone from the disk"


def test_a_folder_that_is_misspelt_or_not_made_yet_is_never_replaced_by_synthetic_crops(tmp_path, crops):
    there, empty = crops.paths[0].parents[1], tmp_path / "empty"
    list(dataset.create([], empty))
    for folder in (tmp_path / "misspelt", empty):
        for folders in ([folder], [there, folder]):
            with pytest.raises(NoCropsError) as error:
                data_crops.crops_or_synthetic(folders, generator=None)
            assert str(error.value) == (
                f"{folder}: no crops; run notebook 01_dataset_creation first, "
                "or set this to [] to learn from drawn portraits"
            )


def test_an_index_that_is_not_ours_gives_no_crops(tmp_path, crops):
    foreign = tmp_path / "theirs"
    foreign.mkdir()
    (foreign / "index.jsonl").write_bytes((crops.paths[0].parents[1] / "index.jsonl").read_bytes())
    with pytest.raises(ImageError, match="theirs: no crops"):
        FaceCrops(foreign)


def copied(crops, tmp_path):
    """The folder of crops, once more, and its index."""
    folder = shutil.copytree(crops.paths[0].parents[1], tmp_path / "faces")
    return folder, dataset.read_index(folder)


@pytest.mark.parametrize(
    "content", ["null", "[]", '{"alignment": 3}', '{"alignment": "landmarks", "side": 3}']
)
def test_settings_that_are_damaged_are_refused_by_name(crops, tmp_path, content):
    folder, _ = copied(crops, tmp_path)
    made = FaceCrops(folder)
    (folder / dataset.SETTINGS).write_text(content)
    with pytest.raises(ImageError, match=r"dataset\.json: damaged"):
        _ = made.landmarks


def test_crops_of_several_sizes_are_refused_by_name(crops, tmp_path):
    folder, _ = copied(crops, tmp_path)
    other = sorted((folder / "crops").iterdir())[3]
    Image.new("RGB", (64, 48)).save(other)
    with pytest.raises(ImageError, match=f"{other.name}: a crop of 64x48 pixels beside 64x64"):
        FaceCrops(folder)


def test_landmarks_in_one_place_are_refused_by_name(crops, tmp_path):
    folder, index = copied(crops, tmp_path)
    index[0]["faces"][0]["landmarks"] = [[5, 5]] * 5
    (folder / dataset.INDEX).write_text("".join(json.dumps(record) + "\n" for record in index))
    with pytest.raises(ImageError, match=r"index\.jsonl: crops/.* has no face"):
        _ = FaceCrops(folder).landmarks
