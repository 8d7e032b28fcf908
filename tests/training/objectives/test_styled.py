"""What the families with StyleGAN2's layers share."""

import torch

from deid.generators import stylegan2
from deid.training.objectives.styled import layers, silenced


def test_a_recipe_gives_the_sizes_of_the_layers(short_stylegan2):
    config = layers(short_stylegan2)
    assert (config.channels, config.z_dim, config.mapping) == ((8,) * 5, 16, (16, 16))
    assert config.group_channels == 0, "a logit says something about its own image only"


def test_a_recipe_without_noise_silences_every_layer_for_good(short_stylegan2):
    G = stylegan2.Generator(layers(short_stylegan2))
    for layer in G.modules():
        if isinstance(layer, stylegan2.StyledConvolution):
            layer.noise_strength.data.fill_(1.0)
    w = G.mapping(G.sample_z(2, torch.Generator().manual_seed(0)))
    assert not torch.equal(G.synthesis(w, "const"), G.synthesis(w, "none"))
    assert silenced(G, short_stylegan2) is G and not short_stylegan2.noise
    assert torch.equal(G.synthesis(w, "const"), G.synthesis(w, "none"))
    strengths = [part.noise_strength for part in G.modules() if isinstance(part, stylegan2.StyledConvolution)]
    assert strengths and not any(strength.requires_grad for strength in strengths)
