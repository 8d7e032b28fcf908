"""The command line of training: a few minutes at a time, and the same run in the end."""

from dataclasses import replace

import pytest

from deid.data import dataset
from deid.training import __main__ as command
from deid.training import checkpoints
from deid.training.__main__ import main


@pytest.fixture
def folder(portraits, tmp_path):
    """A dataset folder of two crops."""
    for _ in dataset.create(portraits(tmp_path / "photos", 2), tmp_path / "crops"):
        pass
    return tmp_path / "crops"


def test_refining_goes_on_in_the_next_call(folder, tmp_path, capsys):
    run, file = tmp_path / "run", tmp_path / "refining.safetensors"
    call = ["refining", str(folder), "--run", str(run), "--batch", "2", "--images", "4"]
    for seen in (2, 4):  # no time: one step
        assert main([*call, "--minutes", "0", "--export", str(file)]) == 0
        assert f"{seen} of 4 images seen" in capsys.readouterr().out
    assert file.is_file()


@pytest.mark.slow
def test_the_larger_version_3_resumes_exactly(folder, tmp_path, monkeypatch, short_onepass):
    """With a narrow recipe: at 256 px a preview alone takes a minute."""
    monkeypatch.setattr(command, "ONEPASS_256", replace(short_onepass, images=4, batch=2))
    for name, minutes, seen in (("parts", "0", 2), ("parts", "9", 4), ("whole", "9", 4)):
        call = ["onepass-256", str(folder), "--run", str(tmp_path / name), "--minutes", minutes]
        assert main([*call, "--device", "cpu"]) == 0
        assert checkpoints.history(tmp_path / name)[-1]["images"] == seen
    names = [checkpoints.CHECKPOINT, checkpoints.HISTORY]
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_is_wrong_is_said_in_one_line(folder, tmp_path, capsys):
    assert main(["refining", str(tmp_path / "nothing"), "--run", str(tmp_path / "run")]) == 1
    assert "no crops; run notebook 01" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "history.jsonl").touch()
    assert main(["refining", str(folder), "--run", str(tmp_path / "mine")]) == 1
    assert "choose another folder" in capsys.readouterr().err
