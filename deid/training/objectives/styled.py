"""What the families with StyleGAN2's layers share: their sizes, and their noise."""

from typing import TypeVar

from deid.generators import stylegan2
from deid.generators.interface import FaceGenerator
from deid.training.config import Recipe

Network = TypeVar("Network", bound=FaceGenerator)


def layers(recipe: Recipe) -> stylegan2.Config:
    """The layers of a recipe's StyleGAN2 or one-pass networks.

    There is no minibatch deviation: a logit then says something about its own image only, which a latent
    search needs.
    """
    mapping = (recipe.latent,) * recipe.mapping
    return stylegan2.Config(tuple(recipe.channels), recipe.latent, mapping, group_channels=0)


def silenced(G: Network, recipe: Recipe) -> Network:
    """G, the noise of its layers switched off for good where the recipe wants none."""
    if not recipe.noise:
        stylegan2.silence(G)
    return G
