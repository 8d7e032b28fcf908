"""The command line for weights."""

import os
import pickle
import subprocess
import sys

import pytest
import torch

from deid import storage
from deid.generators.weights import __main__ as command_line
from deid.generators.weights import downloads, files


@pytest.mark.slow
def test_pickle_to_safetensors_and_back(tmp_path, golden_pickle, outputs):
    run = [
        sys.executable,
        "-m",
        "deid.generators.weights",
        "convert",
        str(golden_pickle),
        str(tmp_path / "mine.safetensors"),
    ]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.split() == [
        str(tmp_path / "mine.safetensors"),
        str(tmp_path / "mine-discriminator.safetensors"),
    ]
    for found, wanted in zip(outputs(tmp_path / "mine.safetensors"), outputs(golden_pickle), strict=True):
        assert torch.equal(found, wanted)
    _, facts = files.read(tmp_path / "mine.safetensors")
    assert facts["clamp"] == 256 and facts["source_sha256"] == storage.sha256(golden_pickle)


def test_wrong_conversions_leave_nothing(tmp_path, golden_pickle, call, capsys):
    assert command_line.main(["convert", str(golden_pickle), str(tmp_path / "out.pkl")]) == 1
    assert (
        command_line.main(["convert", str(tmp_path / "nowhere.pkl"), str(tmp_path / "out.safetensors")]) == 1
    )
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(call(os.system, "true")))
    assert command_line.main(["convert", str(tmp_path / "bad.pkl"), str(tmp_path / "out.safetensors")]) == 1
    assert "out.safetensors" not in os.listdir(tmp_path)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and "must end in .safetensors" in errors[0] and "refused" in errors[2]


def test_fetch_prints_the_licence_first(server, capsys):
    assert command_line.main(["fetch", server.address]) == 0
    captured = capsys.readouterr()
    assert "publisher's terms" in captured.err and captured.out.strip().endswith("generator.pkl")
    assert "non-commercial" in downloads.licence("ffhq-256")
    assert (
        command_line.main(["fetch", "no-such-name"]) == 1
        and "neither a URL nor one of ffhq-256" in capsys.readouterr().err
    )
