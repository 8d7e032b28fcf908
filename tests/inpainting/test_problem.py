"""Where a search begins: the best of a bank, the mean face, or what an encoder tells."""

import pytest
import torch

from deid.generators import load_encoder
from deid.inpainting import MaskedFaces, latent_spaces
from deid.inpainting.latent_search import latent_search
from deid.inpainting.problem import NEAR, Problem
from deid.inpainting.settings import Search


@pytest.fixture
def problem(networks, sampled, visible):
    generator, discriminator = networks
    return Problem(latent_spaces.of(generator), discriminator, sampled, visible, Search(3, 4, 8))


def test_the_bank_begins_with_the_latents_that_agree_best(problem):
    best = problem.best_of_bank([1, 2])
    _, parts = problem.evaluate(best)
    _, others = problem.evaluate(torch.randn(best.shape, generator=torch.Generator().manual_seed(4)))
    assert best.shape == (2, 3, 1, 100)
    assert (parts["contextual"].amax(1) < others["contextual"].mean(1)).all()


def test_a_warm_search_begins_where_the_encoder_says(problem, sampled, visible):
    encoder = load_encoder()
    first = problem.told(encoder, [1, 2])
    assert first.shape == (2, 3, 1, 100)
    with torch.no_grad():
        assert torch.equal(first[:, 0, 0], encoder(sampled * visible, visible))
    away = (first[:, 1:] - first[:, :1]).square().mean().sqrt()
    assert away == pytest.approx(NEAR, rel=0.15)
    assert torch.equal(first, problem.told(encoder, [1, 2]))
    assert torch.equal(first[1], problem.told(encoder, [9, 2])[1]), "each by its own seed"


def test_a_few_warm_steps_come_closer_than_as_many_from_the_bank(networks, sampled, visible):
    faces = MaskedFaces(sampled, visible, [1, 2])
    *_, warm = latent_search(*networks, faces, Search(2, 15, warm=True), load_encoder())
    *_, cold = latent_search(*networks, faces, Search(2, 15, 8))
    assert warm.losses["contextual"].mean() < 0.9 * cold.losses["contextual"].mean()
