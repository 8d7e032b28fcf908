"""OpenFace's nn4.small2: a small face recogniser. It ships with this project and checks its results.

Amos et al. (2016), "OpenFace: A general-purpose face recognition library with mobile applications",
CMU-CS-16-118; a narrow version of FaceNet's network (Schroff et al., 2015, arXiv 1503.03832), 3.7 million
parameters. See deid/generators/WEIGHTS.md.
"""

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from deid.photo import alignment
from deid.photo.alignment import Frame
from deid.photo.faces import Face

WEIGHTS = Path(__file__).with_suffix(".safetensors")
SIDE = 96  # pixels of an input
# Where MTCNN's landmarks go: the eyes' distance and height were chosen on the first of LFW's ten folds.
FRAME = Frame(SIDE, ((0.29, 0.2), (0.71, 0.2), (0.5, 0.449), (0.3127, 0.645), (0.6873, 0.645)))
KERAS_NAMES = {
    "weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance",
}  # fmt: skip


class NormalizedConvolution(nn.Sequential):
    """Convolution, batch norm, ReLU: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        super().__init__(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Inception(nn.Module):
    """Branches side by side: 1 x 1, pooled, and k x k behind a narrow 1 x 1.

    ``wide``: (kernel, narrow, outputs) of each k x k branch. ``pooled``: the width behind the pooling; 0
    passes it on as it is. ``single``: the width of the 1 x 1 branch; 0 leaves it out.
    """

    def __init__(
        self, inputs: int, wide: list[tuple], pool: str, pooled: int, single: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.wide = nn.ModuleList(
            nn.Sequential(
                NormalizedConvolution(inputs, narrow), NormalizedConvolution(narrow, outputs, kernel, stride)
            )
            for kernel, narrow, outputs in wide
        )
        self.pool = pool
        self.pooled = NormalizedConvolution(inputs, pooled) if pooled else None
        self.single = NormalizedConvolution(inputs, single) if single else None

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, inputs, H, W) -> all branches' maps together (N, C, H / stride, W / stride)."""
        branches = [branch(features) for branch in self.wide]
        side = branches[0].shape[2]
        # The largest of 3 x 3 values or the root of their squares' sum; then zeros around them, as Torch's
        # DepthConcat adds them.
        few = F.max_pool2d(features, 3, 2) if self.pool == "max" else F.lp_pool2d(features, 2.0, 3, 3)
        few = self.pooled(few) if self.pooled else few
        missing = side - few.shape[2]
        branches.append(F.pad(few, (missing // 2, missing - missing // 2) * 2))
        if self.single:
            branches.append(self.single(features))
        return torch.cat(branches, 1)


class OpenFace(nn.Module):
    """The whole network: faces (N, 3, 96, 96) -> unit vectors (N, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = NormalizedConvolution(3, 64, 7, 2)
        self.second = nn.Sequential(NormalizedConvolution(64, 64), NormalizedConvolution(64, 192, 3))
        self.inceptions = nn.Sequential(
            Inception(192, [(3, 96, 128), (5, 16, 32)], "max", 32, 64),
            Inception(256, [(3, 96, 128), (5, 32, 64)], "root", 64, 64),
            Inception(320, [(3, 128, 256), (5, 32, 64)], "max", 0, 0, stride=2),
            Inception(640, [(3, 96, 192), (5, 32, 64)], "root", 128, 256),
            Inception(640, [(3, 160, 256), (5, 64, 128)], "max", 0, 0, stride=2),
            Inception(1024, [(3, 96, 384)], "root", 96, 256),
            Inception(736, [(3, 96, 384)], "max", 96, 256),
        )
        self.last = nn.Linear(736, 128)

    def maps(self, faces: Tensor) -> list[Tensor]:
        """Faces (N, 3, 96, 96) in [0, 1], RGB -> what each inception layer makes of them, (N, C, H, W)."""
        faces = faces.contiguous(memory_format=torch.channels_last)  # a third faster on a processor
        features = F.max_pool2d(self.first(faces), 3, 2, 1)
        features = self.second(normalized(features))
        features = F.max_pool2d(normalized(features), 3, 2, 1)
        found = []
        for layer in self.inceptions:
            features = layer(features)
            found.append(features)
        return found

    def forward(self, faces: Tensor) -> Tensor:
        """Faces (N, 3, 96, 96) in [0, 1], RGB -> unit vectors (N, 128)."""
        features = F.avg_pool2d(self.maps(faces)[-1], 3)
        return F.normalize(self.last(features.flatten(1)), dim=1)


@lru_cache(maxsize=1)
def load_openface() -> OpenFace:
    """The network with the weights that ship."""
    network = OpenFace()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def embed_each(images: Tensor, faces: Sequence[Face]) -> Tensor:
    """Images (N, 3, H, W) and the face in each -> unit vectors (N, 128)."""
    crops = [
        alignment.crop(part, FRAME.matrix(face), SIDE)
        for part, face in zip(images.split(1), faces, strict=True)
    ]
    with torch.inference_mode():
        return torch.cat([load_openface()(part / 2 + 0.5) for part in torch.cat(crops).split(64)])


def normalized(features: Tensor, size: int = 5, alpha: float = 1e-4) -> Tensor:
    """Local response normalisation over ``size`` channels of (N, C, H, W); Krizhevsky et al., 2012, sec. 3.3.

    ``F.local_response_norm`` as sums of shifted channels: several times faster on a processor.
    """
    around = F.pad(features.square(), (0, 0, 0, 0, size // 2, size // 2))
    channels = features.shape[1]
    total = around[:, :channels].clone()
    for k in range(1, size):
        total += around[:, k : k + channels]
    return features / (1 + alpha / size * total) ** 0.75


def from_keras(source: str | Path) -> OpenFace:
    """The network from ``facenet_weights.h5`` of the package face-compare 1.1.4: weights in Keras' layout.

    So the file that ships was made: ``python -m deid.recognition.openface facenet_weights.h5
    out.safetensors``. Needs h5py.
    """
    import h5py

    network: Any = OpenFace()
    with h5py.File(source) as file:

        def read(layer: str, name: str) -> Tensor:
            return torch.from_numpy(file[layer][layer][f"{name}:0"][()])

        def put(block: Any, convolution: str, norm: str) -> None:
            block[0].weight.data = read(convolution, "kernel").permute(3, 2, 0, 1)
            block[0].bias.data = read(convolution, "bias")
            for name, theirs in KERAS_NAMES.items():
                getattr(block[1], name).data = read(norm, theirs)

        for number, block in enumerate((network.first, *network.second), 1):
            put(block, f"conv{number}", f"bn{number}")
        for name, block in zip(("3a", "3b", "3c", "4a", "4e", "5a", "5b"), network.inceptions, strict=True):
            for branch in block.wide:
                size = branch[1][0].kernel_size[0]
                theirs = f"inception_{name}_{size}x{size}"
                for step, part in enumerate(branch, 1):
                    put(part, f"{theirs}_conv{step}", f"{theirs}_bn{step}")
            for part, kind in ((block.pooled, "pool"), (block.single, "1x1")):
                if part:
                    put(part, f"inception_{name}_{kind}_conv", f"inception_{name}_{kind}_bn")
        network.last.weight.data, network.last.bias.data = read("dense", "kernel").T, read("dense", "bias")
    return network.eval()


if __name__ == "__main__":
    state = from_keras(sys.argv[1]).state_dict()
    stored = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    # Running variances reach beyond half precision's range.
    save_file({n: (t if "running" in n else t.half()).contiguous() for n, t in stored.items()}, sys.argv[2])
