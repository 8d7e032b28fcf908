"""Networks to start from: new ones, those of a weights file, and larger ones grown from them."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils.parametrize import is_parametrized

from deid.generators import load_discriminator, load_generator, stylegan2
from deid.training import networks
from deid.training.config import Recipe
from deid.training.exports import export
from deid.training.loop import Training


@pytest.fixture
def exported(crops, run_for, tmp_path):
    """Trains one batch by a recipe and writes its weights -> the generator's file."""

    def make(recipe):
        run_for(crops, recipe, tmp_path / "small", steps=1, checkpoint_every=1)
        return export(tmp_path / "small", tmp_path / "small.safetensors", batches=2)[0]

    return make


def noise_strengths(G):
    layers = [layer for layer in G.modules() if isinstance(layer, stylegan2.StyledConvolution)]
    return [layer.noise_strength for layer in layers]


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="family must be one of dcgan, stylegan2, onepass, not 'diffusion'"):
        networks.start(Recipe(family="diffusion"))


def test_weights_of_another_family_are_refused(short_onepass):
    with pytest.raises(ValueError, match="a dcgan network cannot start a onepass recipe"):
        networks.start(replace(short_onepass, start="dcgan-64"))


def test_new_networks_have_seen_nothing_and_can_learn(short, short_stylegan2, short_onepass):
    for recipe in (short, short_stylegan2, short_onepass):
        G, D, images = networks.start(recipe)
        assert (G.family, D.family, images) == (recipe.family, recipe.family, 0)
        assert G.training and D.training and all(parameter.requires_grad for parameter in D.parameters())


@pytest.mark.slow
def test_training_goes_on_from_weights_where_the_checkpoint_is_gone(crops, run_for, tmp_path, short):
    """A first run is exported and lost; a second one starts from the file and goes on counting."""
    run_for(crops, replace(short, images=24), tmp_path / "lost")
    file, _ = export(tmp_path / "lost", tmp_path / "first.safetensors", batches=2)
    again = replace(short, start=str(file))
    started = Training(again)
    assert started.images == 24
    z = torch.randn(4, 100)
    with torch.no_grad():
        torch.testing.assert_close(started.average.eval()(z), load_generator(file)(z), rtol=0, atol=1e-3)
    for layer, other in zip(started.D.main, load_discriminator(file).main, strict=True):
        if isinstance(layer, torch.nn.Conv2d):  # normalised anew, so the same up to a factor
            assert is_parametrized(layer)
            assert F.cosine_similarity(layer.weight.flatten(), other.weight.flatten(), 0) > 0.999
    steps = run_for(crops, again, tmp_path / "second")
    assert [step.images for step in steps] == [32, 40, 48]
    file, _ = export(tmp_path / "second", tmp_path / "second.safetensors", batches=2)
    assert load_generator(file).facts["images_seen"] == 48
    assert not torch.equal(load_generator(file)(z), load_generator(again.start)(z))


def test_a_recipe_grows_what_it_starts_from(exported, short_onepass):
    file = exported(short_onepass)
    G, D, images = networks.start(
        replace(short_onepass, channels=(*short_onepass.channels, 8), start=str(file))
    )
    assert (G.resolution, D.resolution, images) == (128, 128, 16)
    assert all(parameter.requires_grad for parameter in G.parameters() if parameter.ndim)


def test_a_network_without_noise_learns_none_even_from_weights(exported, short_stylegan2):
    file = str(exported(replace(short_stylegan2, noise=True)))
    for start in ("", file):
        G, _, _ = networks.start(replace(short_stylegan2, start=start, noise=False))
        assert all(strength == 0 and not strength.requires_grad for strength in noise_strengths(G))
        G, _, _ = networks.start(replace(short_stylegan2, start=start, noise=True))
        assert all(strength.requires_grad for strength in noise_strengths(G))


def test_facts_say_what_the_tensors_leave_open(short, short_stylegan2, short_onepass):
    assert networks.facts(networks.start(short)[0]) == {"family": "dcgan", "resolution": 64, "frame": "deid"}
    styled = {"family": "stylegan2", "resolution": 64, "frame": "deid"}
    styled |= {"clamp": None, "mapping_rate": 0.01, "group": 4}
    assert networks.facts(networks.start(short_stylegan2)[0]) == styled
    one_pass = {"family": "onepass", "resolution": 64, "frame": "deid"}
    assert networks.facts(networks.start(short_onepass)[0]) == one_pass
