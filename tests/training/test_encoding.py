"""Training the encoder: a run that stops goes on exactly, learns, and its file names its generator."""

import pytest
import torch

from deid import storage
from deid.generators import WeightsError
from deid.generators.weights import files, loading
from deid.training import encoding
from deid.training.__main__ import main
from deid.training.encoding import EncoderRecipe

SHORT = EncoderRecipe(images=24, batch=8)


def test_a_run_that_stops_goes_on_as_if_it_had_not(tmp_path):
    whole = list(encoding.train(SHORT, tmp_path / "whole"))
    first = list(encoding.train(SHORT, tmp_path / "parts", seconds=0))
    rest = list(encoding.train(SHORT, tmp_path / "parts"))
    assert len(first) == 1 and first + rest == whole and len(whole) == 3
    assert list(encoding.train(SHORT, tmp_path / "whole")) == []
    with pytest.raises(ValueError, match="another run folder"):
        list(encoding.train(EncoderRecipe(images=24, batch=4), tmp_path / "whole"))


@pytest.mark.slow
def test_it_learns_within_a_minute(tmp_path):
    losses = [loss for _, loss in encoding.train(EncoderRecipe(images=16 * 120, batch=16), tmp_path)]
    assert sum(losses[-20:]) < 0.85 * sum(losses[:20])


def test_holes_are_of_every_outline_and_near_the_face():
    found = encoding.holes(torch.Generator().manual_seed(0))
    assert found.shape == (encoding.HOLES, 1, 64, 64) and set(found.unique().tolist()) == {0.0, 1.0}
    shares = (1 - found).mean((1, 2, 3))
    assert 0.1 < shares.min() < 0.3 and 0.6 < shares.max() < 0.9
    assert (found[:, 0, 28:40, 28:36].mean((1, 2)) < 0.2).all(), "the middle of the face is hidden"


def test_the_command_trains_and_writes_a_file_that_names_its_generator(tmp_path, capsys):
    words = ["encoder", "--run", str(tmp_path / "run"), "--images", "16", "--batch", "8"]
    assert main([*words, "--export", str(tmp_path / "own.safetensors")]) == 0
    assert "16 of 16 images seen" in capsys.readouterr().out
    tensors, facts = files.read(tmp_path / "own.safetensors")
    assert facts["generator"] == storage.sha256(loading.locate("dcgan-64"))
    assert facts["images_seen"] == 16 and tensors["last.bias"].shape == (100,)


def test_only_a_dcgan_has_an_encoder(tmp_path, capsys):
    with pytest.raises(WeightsError, match="a stylegan2 network"):
        next(encoding.train(EncoderRecipe(weights="stylegan2-64"), tmp_path))
    assert main(["encoder", "--run", str(tmp_path), "--weights", "nothing"]) == 1
    assert "nothing: neither a file nor a bundled network" in capsys.readouterr().err


def test_a_folder_without_a_run_exports_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"checkpoint\.pt: missing"):
        encoding.export(tmp_path)
