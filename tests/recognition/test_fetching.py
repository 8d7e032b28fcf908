"""MobileFaceNet's weights: the release's layout, its ONNX conversion, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from deid import storage
from deid.downloads import DownloadError
from deid.recognition import fetching, mobilefacenet, recognisers
from deid.recognition.mobilefacenet import MobileFaceNet


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty cache, and nothing loaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recognisers.load.cache_clear()
    yield tmp_path
    recognisers.load.cache_clear()


def convolutions(network: MobileFaceNet) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def as_released(network: MobileFaceNet, path: Path) -> Path:
    """The network as the release stores it: batch norms beside convolutions, only the last with a bias."""
    draw, state = torch.Generator().manual_seed(1), {}
    for layer, (convolution, norm) in zip(convolutions(network), fetching.RELEASED, strict=True):
        mean, variance, gamma = (torch.rand(len(layer.bias), generator=draw) + 0.5 for _ in range(3))
        factor, own = gamma / (variance + 1e-5).sqrt(), torch.zeros_like(mean)
        if convolution == "conv3":
            state[f"{convolution}.bias"] = own = own + 0.3
        state[f"{convolution}.weight"] = layer.weight / factor[:, None, None, None]
        values = {"running_mean": mean, "running_var": variance, "weight": gamma}
        values["bias"] = layer.bias + (mean - own) * factor
        state |= {f"{norm}.{name}": value for name, value in values.items()}
    torch.save(state, path, _use_new_zipfile_serialization=False)  # as PyTorch 1.3 did
    return path


def as_onnx(network: MobileFaceNet, path: Path) -> Path:
    """The network's tensors in ONNX's messages, among fields of every other kind."""

    def number(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)

    def field(key: int, content: bytes) -> bytes:
        return number(key << 3 | 2) + number(len(content)) + content

    def tensor(name: int, values: Tensor) -> bytes:
        dims = b"".join(number(1 << 3) + number(size) for size in values.shape)
        return dims + number(2 << 3) + number(1) + field(8, b"%d" % name) + field(9, values.numpy().tobytes())

    parts = [part.detach() for layer in convolutions(network) for part in (layer.weight, layer.bias)]
    graph = field(1, b"a node") + b"".join(field(5, tensor(k, part)) for k, part in enumerate(parts))
    others = number(20 << 3 | 5) + b"\xff" * 4 + number(21 << 3 | 1) + b"\xff" * 8
    path.write_bytes(number(1 << 3) + number(8) + others + field(7, graph) + field(8, b"opset"))
    return path


@pytest.mark.parametrize("layout", ["release", "onnx"])
@torch.no_grad()
def test_both_layouts_hold_the_same_network(layout, tmp_path):
    network = MobileFaceNet().eval()
    write, read = {"release": (as_released, fetching.from_release), "onnx": (as_onnx, fetching.from_onnx)}[
        layout
    ]
    again = mobilefacenet.stacked(read(write(network, tmp_path / "file"))).eval()
    faces = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(again(faces), network(faces), rtol=0, atol=1e-5)


def test_another_layout_is_refused(tmp_path):
    torch.save({"conv1.0.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(DownloadError, match="no conv1.0 and conv1.1 in it"):
        fetching.from_release(tmp_path / "other.pt")


def test_other_files_and_other_weights_are_refused(cache, monkeypatch):
    path = as_released(MobileFaceNet(), cache / "other.pt")
    with pytest.raises(DownloadError, match=f"{storage.sha256(path)}, expected {fetching.RELEASE}"):
        fetching.put(path)
    monkeypatch.setattr(fetching, "RELEASE", storage.sha256(path))
    with pytest.raises(DownloadError, match="not MobileFaceNet's weights"):
        fetching.put(path)
    assert not fetching.place().exists(), "what is refused is not stored"


def test_a_local_file_becomes_a_recogniser(cache, mobilefacenet_onnx, sample, sample_faces):
    fetching.put(mobilefacenet_onnx)
    recogniser = recognisers.load("mobilefacenet")
    mirrored = [face.mirrored(sample.size[0]) for face in sample_faces]
    first = recogniser.embed(sample.pixels, sample_faces)
    alike = first @ recogniser.embed(sample.pixels.flip(3), mirrored).T
    assert first.shape == (2, 128) and torch.allclose(first.norm(dim=1), torch.ones(2))
    assert alike.diagonal().min() > 0.8 and alike[0, 1] < recogniser.threshold < 0.5
    assert recogniser.embed(sample.pixels, []).shape == (0, 128)


def test_the_release_is_downloaded_once(cache, mobilefacenet_onnx, server, monkeypatch):
    """Served from here, in the release's layout."""
    network = mobilefacenet.stacked(fetching.from_onnx(mobilefacenet_onnx))
    path = as_released(network, cache / "mobilefacenet.pt")
    server.serve("mobilefacenet.pt", path.read_bytes())
    monkeypatch.setattr(fetching, "ADDRESS", server.address)
    with pytest.raises(DownloadError, match="the download was thrown away"):
        fetching.load_mobilefacenet()
    monkeypatch.setattr(fetching, "RELEASE", storage.sha256(path))
    fetching.load_mobilefacenet()
    fetching.load_mobilefacenet()
    assert server.asked == [0, 0], "a wrong one, and the right one once"


def test_where_it_cannot_be_downloaded_the_local_way_is_named(cache, server, monkeypatch):
    monkeypatch.setattr(fetching, "ADDRESS", server.root + "mobilefacenet.pt")
    with pytest.raises(recognisers.RecogniserError, match="deid.recognition fetch mobilefacenet FILE"):
        recognisers.load("mobilefacenet")
