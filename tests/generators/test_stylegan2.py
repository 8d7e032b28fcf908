"""StyleGAN2 against what the reference implementation computes, and against its own definitions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deid.generators import load_discriminator, load_generator, stylegan2

SMALL = stylegan2.Config(channels=(12, 8, 8), z_dim=10, mapping=(14, 16, 18), clamp=256.0)


@pytest.fixture(scope="module")
def expected(golden_folder) -> dict[str, torch.Tensor]:
    with np.load(golden_folder / "expected.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


@pytest.fixture(scope="module")
def golden(golden_pickle) -> stylegan2.Generator:
    return load_generator(golden_pickle)


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    assert found.shape == wanted.shape
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


@torch.no_grad()
def test_reproduces_the_reference_implementation(golden, golden_pickle, expected):
    assert error(golden.mapping(expected["z"]), expected["w"]) < 1e-5
    assert error(golden.mapping(expected["z"], truncation_psi=0.7), expected["w_psi07"]) < 1e-5
    assert error(golden.synthesis(expected["w"], noise_mode="const"), expected["images"]) < 1e-5
    assert error(golden.synthesis(expected["w"], noise_mode="none"), expected["images_noise_none"]) < 1e-5
    assert error(golden.synthesis(expected["w_psi07"]), expected["images_psi07"]) < 1e-5
    assert error(golden(expected["z"]), expected["images"]) < 1e-5
    D = load_discriminator(golden_pickle)
    assert error(D(expected["images"]), expected["d_logits"]) < 1e-5


@torch.no_grad()
def test_noise_is_constant_random_or_none(golden, expected):
    w = expected["w"]
    same = [golden.synthesis(w, "random", torch.Generator().manual_seed(k)) for k in (1, 1, 2)]
    assert torch.equal(same[0], same[1]) and not torch.equal(same[0], same[2])
    assert not torch.equal(golden.synthesis(w, "none"), golden.synthesis(w, "const"))
    with pytest.raises(ValueError, match="noise_mode must be one of const, random, none"):
        golden.synthesis(w, "loud")
    with pytest.raises(ValueError, match=r"ws must have the shape \(N, 8, w_dim\)"):
        golden.synthesis(w[:, 0])


@torch.no_grad()
@pytest.mark.parametrize("channels", [(9,), (8, 7), (12, 10, 8, 6, 4, 2)])
def test_any_resolution_width_and_mapping_depth(channels):
    config = stylegan2.Config(channels=channels, z_dim=5, mapping=(11, 7), mapping_rate=0.1)
    G, D = stylegan2.Generator(config), stylegan2.Discriminator(config)
    images = G(G.sample_z(6, torch.Generator().manual_seed(0)))
    side = 4 * 2 ** (len(channels) - 1)
    assert images.shape == (6, 3, side, side) and G.resolution == side
    assert G.mapping(torch.zeros(2, 5)).shape == (2, 2 * len(channels), 7)
    if len(channels) > 1:
        assert D(images).shape == (6, 1)


@torch.no_grad()
def test_each_style_vector_reaches_its_layers_only():
    """W+: the last style changes the colours of the last block, the first one changes everything."""
    G = stylegan2.Generator(SMALL)
    ws = G.mapping(torch.randn(1, 10, generator=torch.Generator().manual_seed(0)))
    reference = G.synthesis(ws)
    for index in range(ws.shape[1]):
        changed = ws.clone()
        changed[:, index] += 1
        assert not torch.equal(G.synthesis(changed), reference), index
    changed = ws.clone()
    changed[:, -1] += 1  # colours only: a 1x1 convolution of the same features
    features = (G.synthesis(changed) - reference).flatten(2)[0]
    assert torch.linalg.matrix_rank(features, rtol=1e-4) <= 3


@torch.no_grad()
def test_modulation_by_the_input_equals_modulation_of_the_weights():
    """Karras et al. (2020), equations 1 and 3, written out for each image of the batch."""
    torch.manual_seed(0)
    layer = stylegan2.StyledConvolution(5, 7, SMALL, 8, up=False)
    features, w = torch.randn(3, 5, 8, 8), torch.randn(3, 18)
    found = layer(features, w, "none", None)
    for k in range(3):
        weights = layer.weight * layer.affine(w[k : k + 1]).view(1, -1, 1, 1)
        weights = weights / (weights.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        wanted = F.leaky_relu(F.conv2d(features[k : k + 1], weights, padding=1), 0.2) * 2**0.5
        torch.testing.assert_close(found[k : k + 1], wanted, rtol=1e-4, atol=1e-5)


def test_resampling_preserves_the_mean_and_the_place():
    flat = torch.full((1, 2, 16, 16), 0.7)
    blur = stylegan2.blur_kernel()
    torch.testing.assert_close(
        stylegan2.upsample(flat, blur)[:, :, 4:-4, 4:-4], torch.full((1, 2, 24, 24), 0.7)
    )
    torch.testing.assert_close(
        stylegan2.downsample(flat, blur)[:, :, 2:-2, 2:-2], torch.full((1, 2, 4, 4), 0.7)
    )
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    places = torch.arange(32) / 2 - 0.25  # where the centres of halved pixels lie
    torch.testing.assert_close(stylegan2.upsample(ramp, blur)[0, 0, 8, 4:-4], places[4:-4])


@torch.no_grad()
def test_truncation_draws_w_towards_its_mean(golden):
    z = golden.sample_z(4, torch.Generator().manual_seed(0))
    full, none, half = (golden.mapping(z, psi) for psi in (1.0, 0.0, 0.5))
    torch.testing.assert_close(none, golden.mapping.w_avg.expand_as(none))
    torch.testing.assert_close(half, (full + none) / 2)


@torch.no_grad()
def test_minibatch_deviation_by_hand():
    features = torch.arange(6.0).view(6, 1, 1, 1)
    maps = stylegan2.minibatch_deviation(features, 2, 1)[:, 1].flatten()
    torch.testing.assert_close(maps, torch.full((6,), 1.5))  # pairs (0, 3), (1, 4), (2, 5)
    maps = stylegan2.minibatch_deviation(features, 4, 1)[
        :, 1
    ].flatten()  # 4 does not divide 6, 3 does: (0, 2, 4) ...
    torch.testing.assert_close(maps, torch.full((6,), (8 / 3) ** 0.5))
    alone = stylegan2.minibatch_deviation(features, 1, 1)[:, 1]
    torch.testing.assert_close(alone, torch.full_like(alone, 1e-4))


def test_a_search_can_follow_the_gradient(golden, expected):
    ws = expected["w"].clone().requires_grad_(True)
    golden.synthesis(ws).square().sum().backward()
    assert (ws.grad.abs().sum((0, 2)) > 0).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@torch.no_grad()
def test_reproduces_the_reference_on_a_gpu(golden_pickle, expected):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    G = load_generator(golden_pickle, "cuda")
    assert error(G.synthesis(expected["w"].cuda()).cpu(), expected["images"]) < 1e-4


@torch.no_grad()
def test_a_silent_network_has_no_noise_and_learns_none():
    torch.manual_seed(0)
    G = stylegan2.Generator(SMALL)
    for layer in G.modules():
        if isinstance(layer, stylegan2.StyledConvolution):
            layer.noise_strength.fill_(0.5)
    w = G.mapping(torch.randn(1, 10))
    assert not torch.equal(G.synthesis(w, "const"), G.synthesis(w, "none"))
    stylegan2.silence(G)
    assert torch.equal(G.synthesis(w, "const"), G.synthesis(w, "none"))
    learning = [name for name, parameter in G.named_parameters() if parameter.requires_grad]
    assert learning and not any("noise" in name for name in learning)


@torch.no_grad()
def test_each_logit_is_of_its_own_image_alone():
    torch.manual_seed(0)
    D, images = stylegan2.Discriminator(SMALL), torch.rand(4, 3, 16, 16) * 2 - 1
    alone = torch.cat([D(image[None]) for image in images])
    torch.testing.assert_close(D.logit_of_each(images), alone, rtol=1e-4, atol=1e-5)
    assert (D(images) - alone).abs().max() > 1e-4, "in a group they are compared"
