"""A picture with boxes beside the photo, and nothing else."""

import shutil

import pytest
from PIL import Image

from deid.__main__ import main
from deid.anonymization import previews
from deid.anonymization.batch import Job
from deid.anonymization.wishes import UsageError

QUICK = ("--preview", "--detector", "mtcnn")


@pytest.fixture
def photo(sample_path, tmp_path, monkeypatch):
    """A photo in the folder in which the program runs."""
    monkeypatch.chdir(tmp_path)
    with Image.open(sample_path) as sample:
        sample.resize((sample.width // 3, sample.height // 3)).save("two.jpg")
    return tmp_path / "two.jpg"


def test_the_preview_shows_boxes_and_scores_and_nothing_else_is_written(photo, capsys):
    assert main(["two.jpg", *QUICK]) == 0
    assert sorted(path.name for path in photo.parent.iterdir()) == ["two.jpg", "two.jpg.preview.jpg"]
    said = capsys.readouterr().out
    assert "two.jpg: 2 faces, 0 of them doubtful" in said and "score 1.00, would be: replace" in said
    with Image.open("two.jpg.preview.jpg") as preview, Image.open("two.jpg") as original:
        assert preview.size == original.size and preview.tobytes() != original.tobytes()


def test_it_is_written_anew_and_is_no_input(photo, capsys):
    for given in ("two.jpg", "*.jpg"):
        assert main([given, *QUICK, "--min-score", "1"]) == 0
        assert "2 of them doubtful" in capsys.readouterr().out
    assert previews.is_preview(photo.with_name("two.jpg.preview.jpg")) and not previews.is_preview(photo)
    assert not (photo.parent / "two.jpg.preview.jpg.preview.jpg").exists()


def test_a_file_in_its_place_that_is_no_preview_survives(photo, tmp_path):
    shutil.copy(photo, "two.jpg.preview.jpg")
    with pytest.raises(UsageError, match="is no preview"):
        previews.refuse_foreign([Job(photo, "two_anonymized.jpg", None)], tmp_path)
    assert main(["two.jpg", *QUICK]) == 2


def test_a_photo_that_fails_stops_no_other(photo, capsys):
    (photo.parent / "broken.jpg").write_bytes(b"no photo")
    assert main(["broken.jpg", "two.jpg", *QUICK, "-o", "look"]) == 1
    assert "broken.jpg: " in capsys.readouterr().err
    assert [path.name for path in (photo.parent / "look").iterdir()] == ["two.jpg.preview.jpg"]
