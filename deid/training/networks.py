"""The networks that a recipe starts from: new ones, or those of a weights file."""

from typing import Any

from deid.generators import load_discriminator, load_generator
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.training.config import Recipe
from deid.training.objectives import OBJECTIVES, objective_of


def start(recipe: Recipe) -> tuple[FaceGenerator, FaceDiscriminator, int]:
    """G and D in training mode, and how many images they have seen.

    Raises ``ValueError`` for an unknown family, and for weights of another family than the recipe's.
    """
    if recipe.start:
        return _from_weights(recipe)
    return *objective_of(recipe.family).build(recipe), 0


def facts(G: FaceGenerator) -> dict[str, Any]:
    """What a weights file says about a generator of ours besides its tensors."""
    return {"family": G.family, "resolution": G.resolution, "frame": "deid"} | G.own_settings()


def _from_weights(recipe: Recipe) -> tuple[FaceGenerator, FaceDiscriminator, int]:
    objective = objective_of(recipe.family)
    G, D = load_generator(recipe.start), load_discriminator(recipe.start)
    if OBJECTIVES.get(G.family) is not objective:
        raise ValueError(f"{recipe.start}: a {G.family} network cannot start a {recipe.family} recipe")
    images = G.facts.get("images_seen", 0)
    # ``adapt`` comes last: it may exclude parameters from training.
    G, D = objective.adapt(G.requires_grad_(True), D.requires_grad_(True), recipe)
    return G.train(), D.train(), images
