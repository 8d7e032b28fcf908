"""What all generators and discriminators say about themselves."""

import pytest
import torch

from deid.generators import frame_of, load_discriminator, load_generator
from deid.generators.interface import FaceDiscriminator, FaceGenerator
from deid.photo.alignment import DCGAN_FRAME, FFHQ_FRAME

BUNDLED = {"dcgan-64": "dcgan", "stylegan2-64": "stylegan2", "onepass-128": "onepass"}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_networks_say_what_they_are(name):
    G, D = load_generator(name), load_discriminator(name)
    assert isinstance(G, FaceGenerator) and isinstance(D, FaceDiscriminator)
    assert (
        G.family == D.family == BUNDLED[name] and f"{G.resolution}" == f"{D.resolution}" == name.split("-")[1]
    )
    assert not any(network.training for network in (G, D))
    assert not any(parameter.requires_grad for network in (G, D) for parameter in network.parameters())
    assert bool(G.latent_space) != (G.family == "onepass"), (
        "one that looks at the surroundings is not searched"
    )


@pytest.mark.parametrize("name", BUNDLED)
def test_latents_are_the_same_for_the_same_seed(name):
    G = load_generator(name)
    first, again, other = (G.sample_z(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, G.z_dim) and torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_network_with_its_own_settings_is_the_same_network(name):
    """What a weights file needs: the plain tensors, and the settings that their shapes leave open."""
    from deid.generators.weights import architectures

    G, D = load_generator(name), load_discriminator(name)
    again = architectures.build(G.state_dict(), G.own_settings())
    assert type(again) is type(G) and getattr(again, "config", None) == getattr(G, "config", None)
    assert type(architectures.build(D.plain_state_dict(), {})) is type(D)


def test_the_frame_is_the_files_or_else_the_familys(golden_pickle):
    assert frame_of(load_generator("dcgan-64")) == DCGAN_FRAME
    stylegan2 = load_generator("stylegan2-64")
    assert frame_of(stylegan2) == DCGAN_FRAME, "as its file says"
    assert frame_of(load_generator(golden_pickle)) == FFHQ_FRAME.resized(32), (
        "as its family is usually trained"
    )
    assert frame_of(load_generator("onepass-128")) == DCGAN_FRAME.resized(128)
