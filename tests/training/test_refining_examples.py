"""What the refining network learns from: faces, and references that are shown in their holes only."""

from dataclasses import replace

import pytest
import torch

from deid.photo.blending import gaussian
from deid.references import refining
from deid.training.refining_examples import RefiningRecipe, draw_batch, make_examples


@pytest.fixture(scope="module")
def examples(crops):
    return make_examples(crops)


@pytest.fixture
def recipe():
    return RefiningRecipe(batch=6)


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_crop_has_a_matte(examples, crops):
    assert {len(part) for part in examples.values()} == {len(crops)}
    shares = (examples["mattes"] > 127).float().mean((1, 2, 3))
    assert shares.min() > 0.05 and shares.max() < 0.8


def test_a_share_of_the_references_shows_the_face_itself(examples, recipe):
    batch = draw_batch(examples, replace(recipe, own=1.0, enlarged=0.0, retoned=0.0), random())
    assert batch.own.all()
    detail = [
        images - gaussian(images, 6.0) for images in (batch.references, batch.faces)
    ]  # without the light
    alike = [(detail[0] * other * batch.weight).mean() for other in (detail[1], detail[1].roll(2, 0))]
    assert alike[0] > 1.5 * alike[1].abs()
    assert not draw_batch(examples, replace(recipe, own=0.0), random()).own.any()


def test_references_are_shown_in_the_hole_only(examples, recipe):
    batch = draw_batch(examples, recipe, random())
    assert not (batch.weight * batch.visible).any()
    shares = batch.weight.mean((1, 2, 3))
    assert shares.min() > 0.01 and shares.max() < 0.6


def test_the_face_itself_cannot_be_seen_through_another_persons(examples, recipe):
    """Where all references are other people's, nothing given depends on the hidden pixels."""
    plain = replace(recipe, own=0.0, enlarged=0.0)
    batch = draw_batch(examples, plain, random())
    other = torch.where(batch.visible > 0.5, batch.faces, -batch.faces)
    given = [
        refining.conditions(faces, batch.visible, batch.references, batch.weight)
        for faces in (batch.faces, other)
    ]
    assert torch.equal(*given)


def test_the_same_seed_draws_the_same_batch(examples, recipe):
    first, again, other = (draw_batch(examples, recipe, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.references, again.references)
    assert not torch.equal(first.references, other.references)
