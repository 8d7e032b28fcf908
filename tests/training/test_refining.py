"""Training the refining network: a run that stops goes on exactly, and what it learns is worth having."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deid.generators.weights import files
from deid.locks import BusyError
from deid.references import refining as refiner
from deid.references.refining import Refiner
from deid.training import refining
from deid.training.refining_examples import RefiningRecipe, draw_batch, make_examples

SHORT = RefiningRecipe(images=16, batch=4, alone=4)


@pytest.fixture(scope="module")
def batch(crops):
    recipe = RefiningRecipe(batch=6, own=1.0, enlarged=0.0)
    return draw_batch(make_examples(crops), recipe, torch.Generator().manual_seed(0))


def test_the_loss_is_least_where_a_face_is_as_it_was(batch):
    right, near, far = (
        refining.refining_loss(made, batch)
        for made in (batch.faces, (batch.faces + 1) * 0.9 - 1, (batch.faces + 1) * 0.6 - 1)
    )
    assert right < 1e-3 < near < far


def test_of_another_person_the_reference_is_asked_for(crops):
    recipe = RefiningRecipe(batch=6, own=0.0, enlarged=0.0)
    batch = draw_batch(make_examples(crops), recipe, torch.Generator().manual_seed(0))
    inside = batch.weight > 0.5
    gap = refining._detail_loss(batch.faces, batch) - refining._detail_loss(
        torch.where(inside, batch.references, batch.faces), batch
    )
    assert gap > 0.01


def test_a_run_that_stops_goes_on_as_if_it_had_not(crops, tmp_path):
    whole = list(refining.train(crops, SHORT, tmp_path / "whole"))
    first = list(refining.train(crops, SHORT, tmp_path / "parts", seconds=0))
    rest = list(refining.train(crops, SHORT, tmp_path / "parts"))
    assert len(first) == 1 and first + rest == whole and len(whole) == 4
    assert list(refining.train(crops, SHORT, tmp_path / "whole")) == []
    with pytest.raises(ValueError, match="another run folder"):
        list(refining.train(crops, RefiningRecipe(images=16, batch=8), tmp_path / "whole"))


def test_a_second_training_in_the_same_folder_is_refused(crops, tmp_path):
    first = refining.train(crops, SHORT, tmp_path)
    next(first)
    with pytest.raises(BusyError):
        next(refining.train(crops, SHORT, tmp_path))
    first.close()
    next(refining.train(crops, SHORT, tmp_path))


@pytest.mark.slow
def test_it_learns(crops, batch):
    recipe = RefiningRecipe(images=96, batch=4, learning_rate=1e-3, alone=1000)
    training, examples = refining.RefiningTraining(recipe), make_examples(crops)
    given = refiner.conditions(batch.faces, batch.visible, batch.references, batch.weight)

    def loss() -> float:
        with torch.no_grad():
            return refining.refining_loss(training.network(given), batch).item()

    before = loss()
    for _ in range(24):
        training.step(examples)
    assert loss() < 0.92 * before


def test_an_export_is_the_averaged_network_in_half_precision(crops, tmp_path):
    with pytest.raises(ValueError, match="train the network into this folder first"):
        refining.export(tmp_path, tmp_path / "out.safetensors")
    list(refining.train(crops, SHORT, tmp_path, seconds=0))
    path = refining.export(tmp_path, tmp_path / "out.safetensors")
    tensors, facts = files.read(path)
    Refiner().load_state_dict(tensors)
    assert facts["images_seen"] == 4 and facts["recipe"]["batch"] == 4
    assert path.stat().st_size < 5_000_000


def test_a_run_begins_with_the_weights_it_is_told(crops, tmp_path):
    list(refining.train(crops, SHORT, tmp_path / "first", seconds=0))
    path = refining.export(tmp_path / "first", tmp_path / "first.safetensors")
    training = refining.RefiningTraining(replace(SHORT, start=str(path)))
    known = files.read(path)[0]
    assert all(torch.equal(part, known[name].float()) for name, part in training.network.state_dict().items())


def test_what_ships_was_trained_by_this_recipe():
    _, facts = files.read(refiner.WEIGHTS)
    assert replace(RefiningRecipe(**facts["recipe"]), start="") == RefiningRecipe()
    told = (Path(refiner.__file__).parents[1] / "generators" / "WEIGHTS.md").read_text(encoding="utf-8")
    assert facts["images_seen"] <= RefiningRecipe().images and f"then {facts['images_seen']:,}," in told
