"""What the tests of training share: short recipes, a run that can be cut off, and partly hidden faces."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from deid.photo import masks
from deid.training import networks
from deid.training.config import ONEPASS, STYLE, Recipe, Schedule
from deid.training.loop import TrainingStep, train
from deid.training.objectives import MaskedBatch, Objective, mask_faces, objective_of


@pytest.fixture
def short() -> Recipe:
    """Six steps of a DCGAN."""
    return Recipe(images=48, batch=8)


@pytest.fixture
def short_stylegan2() -> Recipe:
    """Six steps of a very narrow StyleGAN2."""
    return replace(STYLE, images=96, channels=(8,) * 5, latent=16, mapping=2)


@pytest.fixture
def short_onepass() -> Recipe:
    """Four steps of a very narrow one-pass network."""
    return replace(ONEPASS, images=64, batch=16, channels=(16, 16, 16, 8), latent=16)


@pytest.fixture
def run_for() -> Callable[..., list[TrainingStep]]:
    """Makes the first ``steps`` of a run (all of them by default), which then is dropped as if killed."""

    def run(crops, recipe, folder, steps=None, **schedule) -> list[TrainingStep]:
        made = []
        for step in train(crops, recipe, folder, Schedule(**schedule)):
            made.append(step)
            if len(made) == steps:
                break
        return made

    return run


@pytest.fixture
def masked(crops) -> MaskedBatch:
    """The six crops, the outline of their faces hidden."""
    visible = torch.cat([masks.frame_mask("face", points, 64) for points in crops.landmarks])
    return mask_faces(crops.batch(range(len(crops))), crops.landmarks, visible)


@pytest.fixture
def objective_for() -> Callable[..., Objective]:
    """Makes the objective of a recipe with new networks."""

    def make(recipe, seed=0) -> Objective:
        torch.manual_seed(seed)
        G, D, _ = networks.start(recipe)
        random, noise = (torch.Generator().manual_seed(seed) for _ in range(2))
        return objective_of(recipe.family)(recipe, G, D, random, noise)

    return make
