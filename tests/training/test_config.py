"""Recipes: what is on users' disks and in shipped weights stays readable."""

import dataclasses
import json

import pytest

from deid.generators.weights import files, loading
from deid.training.config import ONEPASS, ONEPASS_64, PLAIN, STYLE, Recipe
from deid.training.objectives import OBJECTIVES


def test_the_plain_recipe_is_the_original_study():
    assert (PLAIN.norm, PLAIN.flips, PLAIN.translation, PLAIN.average) == ("batch", False, 0, 0.0)
    assert PLAIN.decay_from == 1.0


@pytest.mark.parametrize("recipe", [Recipe(), PLAIN, STYLE, ONEPASS_64, ONEPASS])
def test_a_recipe_comes_back_from_json(recipe):
    settings = json.loads(json.dumps(dataclasses.asdict(recipe)))
    read = Recipe(**settings)
    assert dataclasses.replace(read, channels=tuple(read.channels)) == recipe


@pytest.mark.parametrize("path", sorted(loading.BUNDLED.glob("*.safetensors")), ids=lambda path: path.stem)
def test_recipes_in_shipped_weights_can_be_read(path):
    _, facts = files.read(path)
    recipe = Recipe(**facts["recipe"])
    assert recipe.family == facts["family"] and recipe.family in OBJECTIVES


def test_the_larger_one_pass_recipe_grows_the_smaller_one():
    assert ONEPASS.channels[: len(ONEPASS_64.channels)] == ONEPASS_64.channels
    assert len(ONEPASS.channels) == len(ONEPASS_64.channels) + 1


def test_a_recipe_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().images = 1
