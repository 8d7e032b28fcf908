"""What is exported draws what was trained, and replaces nothing of others."""

from dataclasses import replace

import pytest
import torch

from deid.generators import WeightsError, load_discriminator, load_generator
from deid.training import checkpoints
from deid.training.ema import recalibrate
from deid.training.exports import export
from deid.training.loop import Training


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["spectral", "batch"])
def test_export_loads_as_the_networks_that_were_trained(crops, run_for, tmp_path, short, norm):
    recipe = replace(short, norm=norm, images=16)
    run_for(crops, recipe, tmp_path / "run")
    paths = export(tmp_path / "run", tmp_path / "mine.safetensors", batches=2)
    assert [path.name for path in paths] == ["mine.safetensors", "mine-discriminator.safetensors"]
    assert sum(path.stat().st_size for path in paths) < 16e6
    G, D = load_generator(paths[0]), load_discriminator(paths[0])
    parameters = [*G.parameters(), *D.parameters()]
    assert not G.training and not D.training and not any(p.requires_grad for p in parameters)
    assert G.facts["images_seen"] == 16 and G.facts["recipe"]["norm"] == norm
    assert D.facts["role"] == "discriminator"

    run = Training(recipe)
    run.load_state(torch.load(tmp_path / "run" / checkpoints.CHECKPOINT, weights_only=True))
    z = G.sample_z(4, torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = recalibrate(run.average, batches=2)(z)
        assert (G(z) - expected).abs().max() < 0.01  # half precision on disk
        assert (D(crops.batch([0, 1, 2])) - run.D.eval()(crops.batch([0, 1, 2]))).abs().max() < 0.02


def test_export_refuses_to_write_over_foreign_files(crops, run_for, tmp_path, short):
    run_for(crops, short, tmp_path / "run", steps=1, checkpoint_every=1)
    for name in ("mine.safetensors", "mine-discriminator.safetensors"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(WeightsError, match=f"{name}: exists, and this project did not write it"):
            export(tmp_path / "run", tmp_path / "mine.safetensors", batches=1)
        assert [path.name for path in tmp_path.glob("mine*")] == [name], "nor is the other one written"
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()


def test_export_says_that_a_run_has_no_checkpoint_yet(crops, run_for, tmp_path, short):
    run_for(crops, short, tmp_path / "run", steps=1)
    with pytest.raises(ValueError, match=r"checkpoint\.pt: missing; train"):
        export(tmp_path / "run", tmp_path / "mine.safetensors")


@pytest.mark.slow
def test_the_average_of_both_runs_can_be_exported(crops, run_for, tmp_path, short):
    """``share_of_start`` mixes in the weights that a run started from: all of them is the start itself."""
    run_for(crops, replace(short, images=8), tmp_path / "first")
    start, _ = export(tmp_path / "first", tmp_path / "first.safetensors", batches=1)
    further = replace(short, images=16, start=str(start), learning_rate=2e-3)
    run_for(crops, further, tmp_path / "second")
    layers = []
    for share in (0.0, 0.5, 1.0):
        file, _ = export(tmp_path / "second", tmp_path / "second.safetensors", 1, share_of_start=share)
        assert load_generator(file).facts["share_of_start"] == share
        layers.append(load_generator(file).main[0].weight)
    torch.testing.assert_close(layers[1], (layers[0] + layers[2]) / 2, rtol=0, atol=1e-4)
    torch.testing.assert_close(layers[2], load_generator(start).main[0].weight, rtol=0, atol=1e-4)
    assert (layers[0] - layers[2]).abs().max() > 1e-3
