"""The latent search: the losses' values, and a search that finds and never peeks."""

from dataclasses import replace

import pytest
import torch

from deid import inpainting, masks
from deid.faces import DCGAN_FRAME
from deid.generators import load_discriminator, load_generator
from deid.inpainting import Search


@pytest.fixture(scope="module")
def networks():
    return load_generator(), load_discriminator()


@pytest.fixture(scope="module")
def sampled(networks):
    """Two faces of the generator itself: a search can reach them."""
    z = networks[0].sample_z(2, torch.Generator().manual_seed(11))
    with torch.no_grad():
        return networks[0](z)


@pytest.fixture(scope="module")
def visible():
    return masks.frame_mask("centre-32", DCGAN_FRAME.points(), 64).expand(2, -1, -1, -1)


def test_context_weights_follow_equation_3():
    visible = torch.ones(1, 1, 64, 64)
    visible[..., 20:44, 20:44] = 0
    weights = inpainting.context_weights(visible)
    assert weights[..., 20:44, 20:44].sum() == 0, "hidden pixels weigh nothing"
    assert weights[0, 0, 32, 19] == pytest.approx(3 * 7 / 49 + 0.1), "beside the edge: 3 of 7 columns are hidden"
    assert weights[0, 0, 32, 5] == pytest.approx(0.1), "far away: the floor"


def test_contextual_loss_is_the_weighted_mean_difference(visible):
    weights = inpainting.context_weights(visible)
    image = torch.zeros(2, 3, 64, 64)
    assert inpainting.contextual_loss(image + 0.25, image, weights).tolist() == pytest.approx([0.25, 0.25])
    beneath = torch.where(visible > 0.5, image, torch.ones(1))
    assert inpainting.contextual_loss(beneath, image, weights).tolist() == [0, 0], "hidden pixels do not count"


def test_perceptual_loss_has_the_right_sign(networks):
    logits = torch.tensor([-3.0, 0.0, 3.0])
    loss = inpainting.perceptual_loss(logits)
    assert loss.tolist() == pytest.approx((-torch.sigmoid(logits).log()).tolist(), abs=1e-6)
    assert loss[0] > loss[1] > loss[2], "what the discriminator takes for real costs less"


def test_prior_is_least_on_the_shell():
    z = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
    on_shell = z / z.norm() * 10
    assert inpainting.prior_loss(on_shell) == pytest.approx(0, abs=1e-6)
    assert inpainting.prior_loss(2 * on_shell) == pytest.approx(9, rel=1e-3)


def test_layers_pay_for_leaving_each_other():
    z = torch.randn(1, 2, 400, generator=torch.Generator().manual_seed(0))
    apart = z / z.norm(dim=-1, keepdim=True) * 20  # both on the shell
    together = apart[:, :1].expand(-1, 2, -1)
    assert inpainting.prior_loss(together).item() == pytest.approx(0, abs=1e-6)
    spread = (apart[:, 0] - apart[:, 1]).square().mean().item() / 4  # of each layer from the mean of two
    assert inpainting.prior_loss(apart).item() == pytest.approx(10 * spread, rel=1e-4)


@pytest.mark.parametrize(("name", "weight"), [("dcgan-64", 0.05), ("stylegan2-64", 1.0)])
def test_each_space_has_its_own_prior(name, weight, sampled, visible):
    """A style for each layer is held closer to random faces than a DCGAN's z."""
    networks, few = (load_generator(name), load_discriminator(name)), Search(starts=1, iterations=2)
    for settings, expected in ((few, weight), (replace(few, prior=0.3), 0.3)):
        *_, last = inpainting.search(*networks, sampled[:1], visible[:1], [0], settings)
        assert last.losses["prior"].item() == pytest.approx(
            expected * inpainting.prior_loss(last.latents).item(), rel=1e-4
        )


def test_survivors_shrink_and_cost_less_than_keeping_all():
    settings = Search(starts=64, iterations=100)
    counts = [settings.survivors(i) for i in range(100)]
    assert counts[0] == 64
    assert counts[-1] == 4
    assert counts == sorted(counts, reverse=True)
    assert inpainting.schedule_cost(settings) < inpainting.schedule_cost(Search(64, 100, drop=False)) / 2


def test_search_improves_and_reports_every_iteration(networks, sampled, visible):
    steps = list(inpainting.search(*networks, sampled, visible, [1, 2], Search(8, 20, 2)))
    assert [step.iteration for step in steps] == list(range(21))
    assert steps[-1].images.shape == (2, 3, 64, 64)
    assert (steps[-1].losses["contextual"] < 0.8 * steps[0].losses["contextual"]).all()
    assert steps[0].candidates.shape[:2] == (2, 8)
    assert steps[-1].candidates.shape[:2] == (2, 1)


def test_search_never_sees_hidden_pixels(networks, sampled, visible):
    noise = torch.randn(sampled.shape, generator=torch.Generator().manual_seed(3))
    replaced = torch.where(visible > 0.5, sampled, noise)
    first, second = (list(inpainting.search(*networks, crops, visible, [1, 2], Search(2, 4, 2)))[-1]
                     for crops in (sampled, replaced))  # fmt: skip
    assert torch.equal(first.images, second.images)


def test_search_is_repeatable_and_seeds_differ(networks, sampled, visible):
    def run(seeds):
        return list(inpainting.search(*networks, sampled, visible, seeds, Search(2, 3, 2)))[-1].images

    assert torch.equal(run([1, 2]), run([1, 2]))
    assert not torch.equal(run([1, 2])[0], run([9, 2])[0])


def test_dropping_keeps_the_best_latents_and_their_momenta():
    z = torch.arange(8.0).view(1, 8, 1, 1).repeat(1, 1, 1, 3).requires_grad_(True)
    optimizer = torch.optim.Adam([z], lr=0.1)
    (z * torch.arange(8.0).view(1, 8, 1, 1)).sum().backward()
    optimizer.step()
    loss = torch.tensor([[7.0, 1, 6, 0, 5, 4, 3, 2]])
    kept, following = inpainting._drop(z, optimizer, loss, 2)
    assert torch.equal(kept, z[:, [3, 1]])
    assert torch.equal(following.state[kept]["exp_avg"], optimizer.state[z]["exp_avg"][:, [3, 1]])


def test_shapes_that_do_not_fit_are_refused(networks, sampled, visible):
    with pytest.raises(ValueError, match="do not fit"):
        next(inpainting.search(*networks, sampled, visible, [1], Search(2, 2, 2)))
    with pytest.raises(ValueError, match="at least 1"):
        Search(starts=0)
    with pytest.raises(ValueError, match="at least 0"):
        Search(patience=-1)


def test_patience_ends_each_face_by_itself(networks, sampled, visible):
    """A face that is done stays as it was, whatever the others do: alone or in a batch, the same result."""
    patient = Search(4, 150, 2, patience=3)
    together = list(inpainting.search(*networks, sampled, visible, [1, 2], patient))
    alone = [list(inpainting.search(*networks, sampled[k : k + 1], visible[:1], [k + 1], patient)) for k in (0, 1)]
    assert min(map(len, alone)) > 75 and len(together) == max(map(len, alone)) < 151
    for k in (0, 1):
        assert (together[-1].images[k] - alone[k][-1].images[0]).abs().max() < 0.1
        assert together[-1].losses["total"][k] == pytest.approx(alone[k][-1].losses["total"].item(), rel=0.1)


def test_a_search_can_start_at_the_mean_face(networks, sampled, visible):
    first, *_, last = inpainting.search(*networks, sampled, visible, [1, 2], Search(2, 20, 0))
    assert first.latents.square().mean() < 0.1, "near the mean"
    assert (last.losses["contextual"] < first.losses["contextual"]).all()
