"""Training both towers: it learns, goes on where it stopped, and writes what ships."""

import pytest
import torch

from deid.locks import BusyError
from deid.recognition.coherence import Coherence
from deid.storage import FolderError
from deid.training import checkpoints
from deid.training.coherence.examples import Examples
from deid.training.coherence.loop import Contrast, export, train

SHORT = Contrast(images=60, batch=6, learning_rate=0.003, strength=0.0)


@pytest.fixture(scope="module")
def sources(crops):
    embeddings = torch.nn.functional.normalize(
        torch.randn(6, 128, generator=torch.Generator().manual_seed(0))
    )
    return [Examples(crops, range(6), embeddings)]


@pytest.fixture(scope="module")
def whole(sources, tmp_path_factory):
    """A run from begin to end."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    return run, list(train(sources, SHORT, run))


def test_it_learns_whose_surroundings_they_are(whole):
    _, steps = whole
    assert [step.images for step in steps] == list(range(6, 61, 6))
    assert steps[-1].loss < 0.7 * steps[0].loss and steps[-1].first > steps[0].first


def test_a_run_that_was_cut_off_ends_as_if_it_never_stopped(whole, sources, tmp_path):
    run, steps = whole
    for step in train(sources, SHORT, tmp_path / "cut", checkpoint_every=12):
        if step.images == 30:  # six after the last checkpoint
            break
    again = list(train(sources, SHORT, tmp_path / "cut"))
    assert again == steps[4:]
    assert checkpoints.history(tmp_path / "cut") == checkpoints.history(run)
    assert list(train(sources, SHORT, tmp_path / "cut")) == []


def test_a_second_training_in_the_same_folder_is_refused(sources, tmp_path):
    first = train(sources, SHORT, tmp_path)
    next(first)
    with pytest.raises(BusyError):
        next(train(sources, SHORT, tmp_path))
    first.close()
    next(train(sources, SHORT, tmp_path))


def test_it_stops_in_time_and_leaves_a_checkpoint(sources, tmp_path):
    (step,) = train(sources, SHORT, tmp_path, seconds=1e-3)
    assert checkpoints.load_checkpoint(tmp_path)["images"] == step.images == 6


def test_what_ships_is_what_was_trained_in_half_precision(whole, tmp_path):
    from safetensors.torch import load_file

    path = export(whole[0], tmp_path / "coherence.safetensors")
    stored, trained = load_file(path), checkpoints.load_checkpoint(whole[0])["network"]
    assert path.stat().st_size < 2_000_000
    network = Coherence()
    network.load_state_dict({name: tensor.float() for name, tensor in stored.items()}, strict=False)
    for name, tensor in stored.items():
        assert torch.allclose(tensor.float(), trained[name], rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="train into this folder first"):
        export(tmp_path / "nowhere", path)


def test_what_cannot_be_trained_is_said(sources, tmp_path, whole):
    with pytest.raises(ValueError, match="no source has 100 faces"):
        next(train(sources, Contrast(batch=100), tmp_path / "new"))
    with pytest.raises(ValueError, match="started with"):
        next(train(sources, Contrast(batch=6), whole[0]))
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(FolderError):
        next(train(sources, SHORT, tmp_path))
