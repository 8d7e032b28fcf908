"""The command line: train, go on, export."""

import pytest

from deid.training.coherence.__main__ import main


@pytest.fixture
def folder(crops):
    return crops.paths[0].parents[1]


def test_it_trains_goes_on_and_exports(folder, tmp_path, capsys):
    run, path = tmp_path / "run", tmp_path / "coherence.safetensors"
    train = ["train", str(run), "--crops", f"{folder}@2", "--images", "12", "--batch", "3"]
    assert main([*train, "--seconds", "0.001"]) == 0
    assert f"{run}: 3 of 12 faces" in capsys.readouterr().out
    assert main(train) == 0
    assert f"{run}: 12 of 12 faces" in capsys.readouterr().out
    assert main(["export", str(run), str(path)]) == 0 and path.is_file()


def test_errors_are_one_sentence(folder, tmp_path, capsys):
    assert main(["export", str(tmp_path), str(tmp_path / "x.safetensors")]) == 1
    assert main(["train", str(tmp_path / "run"), "--crops", str(folder), "--batch", "100"]) == 1
    assert main(["train", str(tmp_path / "run"), "--crops", str(tmp_path / "nowhere")]) == 1
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 3 and "choose a smaller batch" in errors[1]
