"""The spaces that a search moves in."""

from dataclasses import replace

import pytest
import torch

from deid.generators import load_discriminator, load_generator
from deid.inpainting import MaskedFaces, latent_spaces
from deid.inpainting.latent_search import latent_search
from deid.inpainting.settings import Search
from deid.losses import prior_loss


@pytest.mark.parametrize(("name", "weight"), [("dcgan-64", 0.05), ("stylegan2-64", 1.0)])
def test_each_space_has_its_own_prior(name, weight, sampled, visible):
    """A style for each layer is held closer to random faces than a DCGAN's z."""
    networks, few = (load_generator(name), load_discriminator(name)), Search(starts=1, iterations=2)
    for settings, expected in ((few, weight), (replace(few, prior=0.3), 0.3)):
        *_, last = latent_search(*networks, MaskedFaces(sampled[:1], visible[:1], [0]), settings)
        assert last.losses["prior"].item() == pytest.approx(
            expected * prior_loss(last.latents).item(), rel=1e-4
        )


@pytest.mark.parametrize("name", ["dcgan-64", "stylegan2-64"])
@torch.no_grad()
def test_random_latents_are_standard_normal_and_decode_to_images(name):
    """Without truncation: it moves latents to the mean, and then they are no sample of the prior."""
    generator = load_generator(name)
    space = latent_spaces.of(generator)
    if name == "stylegan2-64":
        space = latent_spaces.StyleLatents(generator, truncation=1.0)
    latents = space.draw(2000, torch.Generator().manual_seed(1))
    deviations = latents[:, 0].std(0)
    assert latents.ndim == 3 and latents.mean().abs() < 0.05
    assert deviations.quantile(0.1) > 0.9 and deviations.quantile(0.9) < 1.1, "in every direction"
    assert torch.equal(latents[:2], space.draw(2000, torch.Generator().manual_seed(1))[:2])
    assert space.decode(latents[:2]).shape == (2, 3, generator.resolution, generator.resolution)
    assert latent_spaces.of(generator) is latent_spaces.of(generator), "made once"


@torch.no_grad()
def test_style_latents_are_the_generators_own_samples():
    """Drawn and decoded, a latent gives what mapping and synthesis give for the same z."""
    generator = load_generator("stylegan2-64")
    space = latent_spaces.of(generator)
    z = generator.sample_z(2, torch.Generator().manual_seed(5))
    drawn = space.decode(space.draw(2, torch.Generator().manual_seed(5)))
    expected = generator.synthesis(generator.mapping(z, space.truncation))
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-3)
