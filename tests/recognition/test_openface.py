"""The recogniser that ships."""

import pytest
import torch
import torch.nn.functional as F

from deid.recognition import openface, recognisers


@pytest.fixture(scope="module")
def network() -> openface.OpenFace:
    return openface.load_openface()


@torch.no_grad()
def test_faces_become_unit_vectors_one_by_one(network):
    faces = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    vectors = network(faces)
    assert vectors.shape == (3, 128) and torch.allclose(vectors.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(network(faces[1:2]), vectors[1:2], rtol=0, atol=1e-5)


def test_the_weights_that_ship_are_whole_and_frozen(network):
    stored = openface.load_file(openface.WEIGHTS)
    missing = set(network.state_dict()) - set(stored)
    assert set(stored) <= set(network.state_dict()) and all("num_batches" in name for name in missing)
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(3.7e6, rel=0.02)


def test_keras_weights_land_in_their_layers(network, tmp_path):
    """The network that ships, written as Keras lays it, comes back the same."""
    h5py = pytest.importorskip("h5py")

    def put(file, layer, values):
        for name, value in values.items():
            file[f"{layer}/{layer}/{name}:0"] = value.numpy()

    def put_block(file, block, convolution, norm):
        put(file, convolution, {"kernel": block[0].weight.permute(2, 3, 1, 0), "bias": block[0].bias})
        put(file, norm, {theirs: getattr(block[1], name) for name, theirs in openface.KERAS_NAMES.items()})

    with h5py.File(tmp_path / "keras.h5", "w") as file:
        for number, block in enumerate((network.first, *network.second), 1):
            put_block(file, block, f"conv{number}", f"bn{number}")
        for name, inception in zip(
            ("3a", "3b", "3c", "4a", "4e", "5a", "5b"), network.inceptions, strict=True
        ):
            for branch in inception.wide:
                size = branch[1][0].kernel_size[0]
                for step, block in enumerate(branch, 1):
                    layer = f"inception_{name}_{size}x{size}"
                    put_block(file, block, f"{layer}_conv{step}", f"{layer}_bn{step}")
            for block, kind in ((inception.pooled, "pool"), (inception.single, "1x1")):
                if block:
                    put_block(file, block, f"inception_{name}_{kind}_conv", f"inception_{name}_{kind}_bn")
        put(file, "dense", {"kernel": network.last.weight.T, "bias": network.last.bias})
    again = openface.from_keras(tmp_path / "keras.h5")
    faces = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(again(faces), network(faces))


def test_normalisation_is_torchs_own():
    features = 30 * torch.rand(2, 9, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(openface.normalized(features), F.local_response_norm(features, 5))


def test_faces_of_many_images_become_what_each_becomes_alone(sample, sample_faces):
    pair = torch.cat([sample.pixels, sample.pixels.flip(3)])
    mirrored = sample_faces[1].mirrored(sample.size[0])
    vectors = openface.embed_each(pair, [sample_faces[0], mirrored])
    for k, face in enumerate((sample_faces[0], mirrored)):
        alone = recognisers.load("openface").embed(pair[k : k + 1], [face])
        torch.testing.assert_close(vectors[k : k + 1], alone, rtol=0, atol=1e-5)
