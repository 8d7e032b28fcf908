"""What the relighting network learns from never shows it what is hidden."""

from dataclasses import replace

import pytest
import torch

from deid.training.relighting_examples import RelightingRecipe, draw_batch, make_examples, random_weight


@pytest.fixture(scope="module")
def examples(crops):
    return make_examples(crops, seed=0)


@pytest.fixture
def recipe():
    return RelightingRecipe(batch=6)


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_crop_has_a_hole_and_a_guess_in_it(examples, crops):
    assert {len(part) for part in examples.values()} == {len(crops)}
    shares = examples["visible"].float().mean((1, 2, 3))
    assert shares.min() > 0.2 and shares.max() < 0.95
    whole = crops.batch(range(len(crops))) * 127.5 + 127.5
    assert (examples["faces"].float() - whole).abs().mean() < 2, "they were enlarged for the guess"
    assert (examples["guesses"].float() - whole).abs().mean() < 60, "a guess shows a face as well"


def test_hidden_pixels_are_not_among_what_the_network_is_given(examples, recipe):
    """Where all references are other people's, the frames' hidden pixels come from guesses alone."""
    hidden = examples["visible"].expand_as(examples["faces"]) == 0
    other = examples | {"faces": torch.where(hidden, 255 - examples["faces"], examples["faces"])}
    frames = [draw_batch(some, replace(recipe, own=0.0), random()).given[:, :4] for some in (examples, other)]
    assert torch.equal(*frames)


def test_a_share_of_the_references_shows_the_face_itself(examples, recipe):
    batch = draw_batch(examples, replace(recipe, own=1.0), random())
    assert batch.own.all()
    apart = [(batch.references - faces).abs().mean() for faces in (batch.faces, batch.faces.roll(2, 0))]
    assert apart[0] < apart[1]
    assert not draw_batch(examples, replace(recipe, own=0.0), random()).own.any()


def test_references_are_shown_in_the_hole_only(examples, recipe):
    batch = draw_batch(examples, recipe, random())
    inside, visible = batch.given[:, -1:], batch.given[:, 3:4]
    assert not (inside * visible).any()
    assert inside.any()


def test_a_weight_is_a_face_sometimes_without_a_side(crops):
    shares = torch.stack([random_weight(crops.landmarks[0], random(seed)).mean() for seed in range(24)])
    assert shares.min() > 0.02 and shares.max() < 0.9 and shares.std() > 0.05
