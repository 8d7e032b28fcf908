"""Training the relighting network: a run that stops goes on exactly, and what it learns is worth having."""

import pytest
import torch

from deid.generators.weights import files
from deid.references import relighting as relighter
from deid.references.relighting import Relighter
from deid.training import relighting
from deid.training.relighting_examples import RelightingRecipe, draw_batch, make_examples

SHORT = RelightingRecipe(images=24, batch=4)


@pytest.fixture(scope="module")
def batch(crops):
    recipe = RelightingRecipe(batch=6, own=1.0)
    return draw_batch(make_examples(crops, 0), recipe, torch.Generator().manual_seed(0))


def test_the_loss_is_least_where_a_face_is_as_it_was(batch):
    right, near, far = (
        relighting.relighting_loss(made, batch)
        for made in (batch.faces, (batch.faces + 1) * 0.9 - 1, (batch.faces + 1) * 0.6 - 1)
    )
    assert right < 1e-3 < near < far


def test_what_lies_outside_the_weight_costs_nothing(batch):
    noise = torch.where(batch.weight > 0, batch.faces, torch.rand_like(batch.faces))
    assert relighting.relighting_loss(noise, batch) < 1e-3


def test_a_run_that_stops_goes_on_as_if_it_had_not(crops, tmp_path):
    whole = list(relighting.train(crops, SHORT, tmp_path / "whole"))
    first = list(relighting.train(crops, SHORT, tmp_path / "parts", seconds=0))
    rest = list(relighting.train(crops, SHORT, tmp_path / "parts"))
    assert len(first) == 1 and first + rest == whole and len(whole) == 6
    assert list(relighting.train(crops, SHORT, tmp_path / "whole")) == []
    with pytest.raises(ValueError, match="another run folder"):
        list(relighting.train(crops, RelightingRecipe(images=24, batch=8), tmp_path / "whole"))


@pytest.mark.slow
def test_it_learns(crops, tmp_path):
    recipe = RelightingRecipe(images=320, batch=8, own=1.0)
    losses = [loss for _, loss in relighting.train(crops, recipe, tmp_path)]
    assert sum(losses[-8:]) < 0.85 * sum(losses[:8])


def test_an_export_is_the_network_in_half_precision(crops, tmp_path):
    with pytest.raises(ValueError, match="train the network into this folder first"):
        relighting.export(tmp_path, tmp_path / "out.safetensors")
    list(relighting.train(crops, SHORT, tmp_path, seconds=0))
    path = relighting.export(tmp_path, tmp_path / "out.safetensors")
    tensors, facts = files.read(path)
    Relighter().load_state_dict(tensors)
    assert facts["images_seen"] == 4 and facts["recipe"]["batch"] == 4
    assert path.stat().st_size < 1_000_000


def test_what_ships_was_trained_by_this_recipe():
    _, facts = files.read(relighter.WEIGHTS)
    assert RelightingRecipe(**facts["recipe"]) == RelightingRecipe()
    assert facts["images_seen"] == RelightingRecipe().images
