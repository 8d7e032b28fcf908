"""A search that finds, never peeks, and lets no face depend on the others."""

import pytest
import torch

from deid.inpainting import MaskedFaces
from deid.inpainting.latent_search import _drop, latent_search
from deid.inpainting.settings import Search


def test_search_improves_and_reports_every_iteration(networks, masked):
    steps = list(latent_search(*networks, masked, Search(8, 20, 2)))
    assert [step.iteration for step in steps] == list(range(21))
    assert steps[-1].images.shape == (2, 3, 64, 64)
    assert (steps[-1].losses["contextual"] < 0.8 * steps[0].losses["contextual"]).all()
    assert steps[0].candidates.shape[:2] == (2, 8)
    assert steps[-1].candidates.shape[:2] == (2, 1)


def test_search_never_sees_hidden_pixels(networks, sampled, visible):
    noise = torch.randn(sampled.shape, generator=torch.Generator().manual_seed(3))
    replaced = torch.where(visible > 0.5, sampled, noise)
    first, second = (
        list(latent_search(*networks, MaskedFaces(crops, visible, [1, 2]), Search(2, 4, 2)))[-1]
        for crops in (sampled, replaced)
    )
    assert torch.equal(first.images, second.images)


def test_search_is_repeatable_and_seeds_differ(networks, sampled, visible):
    def run(seeds):
        return list(latent_search(*networks, MaskedFaces(sampled, visible, seeds), Search(2, 3, 2)))[
            -1
        ].images

    assert torch.equal(run([1, 2]), run([1, 2]))
    assert not torch.equal(run([1, 2])[0], run([9, 2])[0])


def test_dropping_leaves_the_best_latents_and_their_momenta():
    z = torch.arange(8.0).view(1, 8, 1, 1).repeat(1, 1, 1, 3).requires_grad_(True)
    optimizer = torch.optim.Adam([z], lr=0.1)
    (z * torch.arange(8.0).view(1, 8, 1, 1)).sum().backward()
    optimizer.step()
    loss = torch.tensor([[7.0, 1, 6, 0, 5, 4, 3, 2]])
    best, following = _drop(z, optimizer, loss, 2)
    assert torch.equal(best, z[:, [3, 1]])
    assert torch.equal(following.state[best]["exp_avg"], optimizer.state[z]["exp_avg"][:, [3, 1]])


@pytest.mark.slow
def test_patience_ends_each_face_by_itself(networks, sampled, visible):
    """A face that is done stays as it was, whatever the others do: alone or in a batch, the same result."""
    patient = Search(2, 60, 2, patience=1)
    together = list(latent_search(*networks, MaskedFaces(sampled, visible, [1, 2]), patient))
    parts = [MaskedFaces(sampled[k : k + 1], visible[:1], [k + 1]) for k in (0, 1)]
    alone = [list(latent_search(*networks, part, patient)) for part in parts]
    assert min(map(len, alone)) > 30 and len(together) == max(map(len, alone)) < 61
    for k in (0, 1):
        assert (together[-1].images[k] - alone[k][-1].images[0]).abs().max() < 0.1
        assert together[-1].losses["total"][k] == pytest.approx(alone[k][-1].losses["total"].item(), rel=0.1)


def test_a_search_can_start_at_the_mean_face(networks, masked):
    first, *_, last = latent_search(*networks, masked, Search(2, 20, 0))
    assert first.latents.square().mean() < 0.1, "near the mean"
    assert (last.losses["contextual"] < first.losses["contextual"]).all()
