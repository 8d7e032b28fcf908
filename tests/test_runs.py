"""A run without a folder for the results: they lie beside the originals."""

import json
import shutil

import pytest
from PIL import Image

from deid.__main__ import main

BLACK = ("--method", "blackout", "--no-verify", "--detector", "mtcnn")


@pytest.fixture
def photo(sample_path, tmp_path, monkeypatch):
    """A photo in the folder in which the program runs."""
    monkeypatch.chdir(tmp_path)
    with Image.open(sample_path) as sample:
        sample.resize((sample.width // 3, sample.height // 3)).save("party.jpg")
    return tmp_path / "party.jpg"


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_result_lies_beside_the_photo_and_is_not_done_again(photo, capsys):
    before, results = photo.read_bytes(), ["party_anonymized.jpg", "party_anonymized.jpg.json"]
    assert main(["party.jpg", *BLACK]) == 0
    assert names(photo.parent) == ["party.jpg", *results] and photo.read_bytes() == before
    assert "1 of 1 photos written beside the originals, as NAME_anonymized" in capsys.readouterr().out
    assert main(["*.jpg", *BLACK]) == 0, "as on Windows: the pattern fits the result as well"
    assert "party.jpg: done by an earlier run" in capsys.readouterr().out
    assert names(photo.parent) == ["party.jpg", *results]
    assert main([".", "-o", "out", *BLACK]) == 0
    assert names(photo.parent / "out") == ["party.jpg", "party.jpg.json"], "nor is it an input of another run"
    assert main(["party_anonymized.jpg", *BLACK]) == 2


def test_a_folder_and_a_photo_each_get_their_place(photo, capsys):
    shutil.copytree(photo.parent, photo.parent / "holiday" / "deeper")
    assert main(["holiday/", "party.jpg", *BLACK]) == 0
    assert names(photo.parent / "holiday_anonymized" / "deeper") == ["party.jpg", "party.jpg.json"]
    assert (photo.parent / "party_anonymized.jpg").is_file()
    assert names(photo.parent / "holiday" / "deeper") == ["party.jpg"]


def test_a_file_of_that_name_that_no_run_wrote_survives(photo, capsys):
    (photo.parent / "party_anonymized.jpg").write_bytes(b"theirs")
    assert main(["party.jpg", *BLACK]) == 2
    assert "party_anonymized.jpg: exists, and no earlier run wrote it" in capsys.readouterr().err
    assert (photo.parent / "party_anonymized.jpg").read_bytes() == b"theirs"


def test_boxes_are_told_by_the_name_of_the_photo(photo):
    (photo.parent / "boxes.json").write_text(json.dumps({"party.jpg": [[10, 10, 60, 60]]}))
    assert main(["party.jpg", *BLACK, "--boxes", "boxes.json"]) == 0
    record = json.loads((photo.parent / "party_anonymized.jpg.json").read_text())
    assert [face["box"] for face in record["faces"]] == [[10, 10, 60, 60]]


def test_an_option_without_effect_is_said_and_stops_nothing(photo, capsys):
    assert main(["party.jpg", *BLACK, "--starts", "3"]) == 0
    assert "deid: --starts has no effect with --method blackout" in capsys.readouterr().err
