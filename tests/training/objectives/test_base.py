"""One interface for every family: a new one is a class and an entry in the registry."""

from dataclasses import replace

import pytest
import torch

from deid.training.loop import Training
from deid.training.objectives import (
    OBJECTIVES,
    DCGANObjective,
    OnePassObjective,
    StyleGAN2Objective,
    objective_of,
)


def test_every_family_has_its_objective():
    assert {
        "dcgan": DCGANObjective,
        "stylegan2": StyleGAN2Objective,
        "onepass": OnePassObjective,
    } == OBJECTIVES
    with pytest.raises(ValueError, match="one of dcgan, stylegan2, onepass, not 'vae'"):
        objective_of("vae")


@pytest.mark.parametrize("family", OBJECTIVES)
def test_all_objectives_work_through_the_same_interface(family, crops, request, objective_for):
    recipe = request.getfixturevalue({"dcgan": "short"}.get(family, f"short_{family}"))
    objective = objective_for(recipe)
    batch = objective.examples(crops, range(4))
    fake = objective.generate(batch)
    assert fake.shape == (4, 3, 64, 64) and fake.requires_grad
    plain = objective.discriminator_loss(batch, fake, 0.0)
    assert objective.discriminator_loss(batch, fake, 100.0) > plain, "the penalty is added"
    plain.backward()
    assert all(parameter.grad is None for parameter in objective.G.parameters()), "G learns nothing from it"
    objective.generator_loss(batch, fake).backward()
    assert any(parameter.grad is not None for parameter in objective.G.parameters())
    z = objective.G.sample_z(objective.previewed, torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert objective.preview(objective.G, z, crops).shape == (objective.previewed, 3, 64, 64)


def test_a_new_family_is_a_class_and_an_entry_in_the_registry(crops, monkeypatch, short):
    class MeanObjective(DCGANObjective):
        """G draws the mean of what it drew."""

        def generate(self, batch):
            return super().generate(batch).mean(0, keepdim=True).expand_as(batch)

    monkeypatch.setitem(OBJECTIVES, "mean", MeanObjective)
    training = Training(replace(short, family="mean"))
    losses = training.step(training.batch(crops))
    assert training.images == 8 and losses["discriminator"] > 0
