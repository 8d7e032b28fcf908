"""Recipes: what is on users' disks and in shipped weights stays readable."""

import dataclasses
import json

import pytest

from deid.generators.weights import files, loading
from deid.training.config import ONEPASS, ONEPASS_64, ONEPASS_256, PLAIN, STYLE, Recipe
from deid.training.encoding import EncoderRecipe
from deid.training.objectives import OBJECTIVES


def test_the_plain_recipe_is_the_original_study():
    assert (PLAIN.norm, PLAIN.flips, PLAIN.translation, PLAIN.average) == ("batch", False, 0, 0.0)
    assert PLAIN.decay_from == 1.0


@pytest.mark.parametrize("recipe", [Recipe(), PLAIN, STYLE, ONEPASS_64, ONEPASS, ONEPASS_256])
def test_a_recipe_comes_back_from_json(recipe):
    settings = json.loads(json.dumps(dataclasses.asdict(recipe)))
    read = Recipe(**settings)
    assert dataclasses.replace(read, channels=tuple(read.channels)) == recipe


@pytest.mark.parametrize("path", sorted(loading.BUNDLED.glob("*.safetensors")), ids=lambda path: path.stem)
def test_recipes_in_shipped_weights_can_be_read(path):
    _, facts = files.read(path)
    if facts.get("role") == "encoder":
        assert EncoderRecipe(**facts["recipe"]).weights == path.stem.removesuffix("-encoder")
        return
    recipe = Recipe(**facts["recipe"])
    assert recipe.family == facts["family"] and recipe.family in OBJECTIVES


@pytest.mark.parametrize(("smaller", "larger"), [(ONEPASS_64, ONEPASS), (ONEPASS, ONEPASS_256)])
def test_a_larger_one_pass_recipe_grows_the_smaller_one(smaller, larger):
    assert larger.channels[: len(smaller.channels)] == smaller.channels
    assert len(larger.channels) == len(smaller.channels) + 1


def test_the_largest_recipe_goes_on_from_what_ships():
    _, facts = files.read(loading.locate(ONEPASS_256.start))
    assert tuple(facts["recipe"]["channels"]) == ONEPASS_256.channels[:-1]
    assert facts["images_seen"] < ONEPASS_256.images


def test_a_recipe_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().images = 1
