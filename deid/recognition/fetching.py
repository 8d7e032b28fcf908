"""MobileFaceNet's weights: from their release, or from a local file, into the cache.

``python -m deid.recognition fetch mobilefacenet [FILE]``. They never ship: they learned from MS-Celeb-1M,
which is for research only. The file of the release and its ONNX conversion are read without running what they
hold, are known by their digests, and must see in a picture what onnxruntime saw.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from deid import downloads, onnx, storage
from deid.downloads import DownloadError
from deid.recognition.mobilefacenet import SIDE, STAGES, MobileFaceNet, stacked

TERMS = (
    "MobileFaceNet by foamliu: Apache-2.0 code; learned from MS-Celeb-1M, whose terms allow research only."
)
ADDRESS = "https://github.com/foamliu/MobileFaceNet/releases/download/v1.0/mobilefacenet.pt"
# sha256 of that file, and of a conversion of it, for which there is no lasting address.
RELEASE = "90a00ba1d8b0b688af3deb731ed53dca582e6106805d1bc3cfdef55f570493f4"
ONNX = "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507"
# The release's names of each convolution and its batch norm.
RELEASED = (
    ("conv1.0", "conv1.1"),
    ("dw_conv.depthwise", "dw_conv.bn1"),
    ("dw_conv.pointwise", "dw_conv.bn2"),
    *(
        (f"features.{block}.conv.{convolution}", f"features.{block}.conv.{norm}")
        for block in range(sum(count for _, _, count, _ in STAGES))
        for convolution, norm in (("0.0", "0.1"), ("1.0", "1.1"), ("2", "3"))
    ),
    ("conv2.0", "conv2.1"),
    ("gdconv.depthwise", "gdconv.bn"),
    ("conv3", "bn"),
)
# The first numbers that onnxruntime makes of ``pattern()``: weights that give others are not these.
EXPECTED = (-0.0077, -0.1687, 0.0297, -0.0896, 0.1033, 0.1855)


def load_mobilefacenet() -> MobileFaceNet:
    """The network; its weights are downloaded (4 MB) where they are not in the cache.

    Raises ``DownloadError`` where that fails, or where they are others than expected.
    """
    path = place() if place().is_file() else fetch()
    return tried(load_file(path), path)


def place() -> Path:
    """Where the weights lie in the cache once they were fetched."""
    return downloads.cache() / "recognisers" / "mobilefacenet.safetensors"


def fetch() -> Path:
    """Download the weights into the cache -> where they are. Raises ``DownloadError`` where that fails."""
    return put(downloads.fetch(ADDRESS, RELEASE))


def put(source: Path) -> Path:
    """Put the weights in the release's file, or in its ONNX conversion, into the cache -> where they are.

    Raises ``DownloadError`` for any other file.
    """
    digest = storage.sha256(source)
    if (read := {RELEASE: from_release, ONNX: from_onnx}.get(digest)) is None:
        raise DownloadError(
            f"{source}: sha256 is {digest}, expected {RELEASE} (mobilefacenet.pt of the release)"
            f" or {ONNX} (its ONNX conversion)"
        )
    state = stacked(read(source)).state_dict()
    tried(state, source)
    storage.write_atomically(place(), save(state))
    return place()


def tried(state: dict[str, Tensor], path: Path) -> MobileFaceNet:
    """The network with these weights. Raises ``DownloadError`` where it does not see what it should."""
    network = MobileFaceNet()
    network.load_state_dict(state)
    network.eval().requires_grad_(False)
    seen = network(pattern())[0, : len(EXPECTED)]
    if not torch.allclose(seen, torch.tensor(EXPECTED), rtol=0, atol=1e-3):
        raise DownloadError(f"{path}: not MobileFaceNet's weights; delete it and fetch them again")
    return network


def pattern() -> Tensor:
    """Waves (1, 3, 112, 112) in [-1, 1] to try a network with."""
    x = torch.linspace(-1, 1, SIDE)
    return torch.stack([torch.sin((3 + k) * x + 5 * x[:, None] + k) for k in range(3)])[None]


def from_release(source: Path) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases in the release's file, in their order: each batch norm goes into its convolution.

    Raises ``DownloadError`` where it is laid out in another way.
    """
    state = torch.load(source, map_location="cpu", weights_only=True)
    layers: list[tuple[Tensor, Tensor]] = []
    for convolution, norm in RELEASED:
        weight, bias = (state.get(f"{convolution}.{name}") for name in ("weight", "bias"))
        statistics = [
            state.get(f"{norm}.{name}") for name in ("running_mean", "running_var", "weight", "bias")
        ]
        if weight is None or any(part is None for part in statistics):
            raise DownloadError(f"{source}: no {convolution} and {norm} in it; it is laid out in another way")
        mean, variance, *scaling = statistics
        layers.append(fuse_conv_bn_weights(weight, bias, mean, variance, nn.BatchNorm2d(1).eps, *scaling))
    return layers


def from_onnx(source: Path) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases in the ONNX file, in their order: they hold the batch norms already."""
    values = list(onnx.read(source).values())
    return list(zip(values[::2], values[1::2], strict=True))
