"""What a generator remembers, on vectors whose answer is known, and on the networks that ship."""

import pytest
import torch
import torch.nn.functional as F

from deid.evaluation import memorization
from deid.inpainting import METHODS


def test_nearest_by_hand():
    similarity, index = memorization.nearest(torch.eye(3)[[2, 0]], torch.eye(3), chunk=1)
    assert similarity.tolist() == [1, 1] and index.tolist() == [2, 0]


def test_a_network_that_remembers_is_told_from_one_that_does_not(unit):
    training, strangers = unit(500, 64), unit(100, 64, seed=1)
    remembered = F.normalize(training[:100] + 0.2 * unit(100, 64, seed=2), dim=1)
    leaking = memorization.leak(remembered, strangers, training)
    clean = memorization.leak(unit(100, 64, seed=3), strangers, training)
    assert leaking["nearer than a stranger"] > 0.99 and leaking["samples"]["same person"][0] > 0.99
    assert clean["nearer than a stranger"] == pytest.approx(0.5, abs=0.1)
    shares = [clean[who]["same person"][0] for who in ("samples", "strangers")]
    assert shares[0] == pytest.approx(shares[1], abs=0.2), "strangers have neighbours, too"


def test_copies_are_seen_in_their_pixels(unit):
    training = torch.rand(30, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    vectors, drawn = unit(30, 64), training[:5].clone()
    drawn[1:] = training[10:14].flip(2)
    found = memorization.copies(drawn, vectors[:5], training, vectors, pairs=5)
    assert found["by identity, least"] == 0 and found["by pixels, least"] == pytest.approx(0, abs=0.01)
    assert found["by identity, median"] > 0.5


@pytest.mark.parametrize("name", [entry.weights for entry in METHODS.values() if entry.weights])
def test_faces_of_every_network_with_their_landmarks(name, crops):
    method, outside = memorization.method_of(name), crops.batch(range(6))
    images, landmarks = memorization.draw_samples(method, 8, outside)
    size = method.generator.resolution
    assert images.shape == (8, 3, size, size) and landmarks.shape == (8, 5, 2) and images.abs().max() <= 1
    assert not torch.equal(images[0], images[6]), "every one has a latent of its own"
    assert torch.equal(memorization.draw_samples(method, 8, outside)[0], images)


@pytest.mark.slow
def test_a_network_is_looked_at_once(crops, tmp_path, monkeypatch):
    """Another network, and other strangers, are looked at anew."""
    pytest.importorskip("dlib")
    memory, outside = memorization.Memory(crops, "dlib", tmp_path), crops.at(64).batch(range(4))
    found, draw = memory.of("dcgan-64", 4, outside), memorization.draw_samples
    monkeypatch.setattr(memorization, "draw_samples", lambda *_: pytest.fail("drawn twice"))
    assert memory.of("dcgan-64", 4, outside) == found and found["samples"]["count"] == 4
    monkeypatch.setattr(memorization, "draw_samples", draw)
    assert memory.of("stylegan2-64", 4, outside) != found
    assert memory.of("dcgan-64", 4, outside[:3])["strangers"]["count"] == 3
