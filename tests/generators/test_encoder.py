"""The encoder that ships: it tells the latent of a face from its surroundings, and from nothing else."""

import pytest
import torch

from deid.generators import WeightsError, load_encoder, load_generator
from deid.generators.weights import files, loading
from deid.losses import context_weights, contextual_loss
from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME


@pytest.fixture(scope="module")
def drawn():
    """Faces (32, 3, 64, 64) of the generator, and their latents."""
    generator = load_generator()
    z = generator.sample_z(32, torch.Generator().manual_seed(5))
    with torch.no_grad():
        return generator(z), z


@pytest.fixture(scope="module")
def visible():
    return masks.frame_mask("face", DCGAN_FRAME.points(), 64)


def test_hidden_pixels_say_nothing(drawn, visible):
    faces, _ = drawn
    noise = torch.randn(faces.shape, generator=torch.Generator().manual_seed(1))
    seen = visible.expand(len(faces), -1, -1, -1)
    encoder = load_encoder()
    assert torch.equal(encoder(faces, seen), encoder(torch.where(seen > 0.5, faces, noise), seen))


def test_what_it_tells_draws_what_is_visible(drawn, visible):
    """Far better than other latents do, and better than the mean face; latents lie where latents do."""
    faces, z = drawn
    seen = visible.expand(len(faces), -1, -1, -1)
    generator, weights = load_generator(), context_weights(seen)
    with torch.no_grad():
        told = load_encoder()(faces, seen)
        off = [
            contextual_loss(generator(latents), faces, weights).mean().item()
            for latents in (told, z.roll(1, 0), torch.zeros_like(z))
        ]
    assert off[0] < 0.5 * off[1] and off[0] < 0.6 * off[2]
    assert (told - z).square().mean() < 0.9, "less than a guess at the mean"
    assert 0.45 < told.square().mean() < 1.3


def test_weights_without_an_encoder_say_what_to_do(tmp_path):
    path = tmp_path / "own.safetensors"
    tensors, facts = files.read(loading.locate("dcgan-64"))
    files.write(path, tensors, facts)
    with pytest.raises(
        WeightsError, match=r"own-encoder\.safetensors: missing; do without --warm, or train it"
    ):
        load_encoder(path)
    beside = loading.encoder_path(path)
    told, said = files.read(loading.encoder_path(loading.locate("dcgan-64")))
    files.write(beside, told, said)
    with pytest.raises(WeightsError, match="the encoder of other weights"):
        files.write(path, {name: part * 1.01 for name, part in tensors.items()}, facts)
        load_encoder(path)


def test_a_file_that_is_no_encoder_is_refused(tmp_path, monkeypatch):
    tensors, facts = files.read(loading.encoder_path(loading.locate("dcgan-64")))
    tensors.pop("last.bias")
    monkeypatch.setattr(loading, "encoder_path", lambda path: tmp_path / "broken.safetensors")
    files.write(tmp_path / "broken.safetensors", tensors, facts)
    with pytest.raises(WeightsError, match=r"broken\.safetensors: not an encoder"):
        load_encoder()
