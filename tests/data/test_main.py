"""Datasets from the command line: the folder that Python makes, and shards that unpack to it."""

from deid.data import dataset
from deid.data.__main__ import main


def test_a_folder_becomes_crops(tmp_path, portraits, capsys):
    portraits(tmp_path / "photos", 3)
    call = ["create", str(tmp_path / "photos"), str(tmp_path / "faces")]
    assert main([*call, "--size", "32", "--select", "all"]) == 0
    assert "3 of 3 photos, 3 crops; dropped: none" in capsys.readouterr().out
    assert len(dataset.read_index(tmp_path / "faces")) == 3
    assert main(call) == 1, "other settings"
    assert "choose another output folder" in capsys.readouterr().err


def test_what_is_missing_is_said(tmp_path, capsys):
    assert main(["create", str(tmp_path / "nothing"), str(tmp_path / "faces")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    assert main(["unpack", str(tmp_path / "nothing"), str(tmp_path / "faces")]) == 1
    assert "nothing: no shards; " in capsys.readouterr().err
