"""How good drawn faces are: pure functions of image tensors, and the file that keeps a run's numbers.

Images are (N, 3, H, W) in [-1, 1]. Distances are root-mean-square differences per value, so that they do not
depend on the resolution: 0 is the same image, 2 is black against white.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from facenet_pytorch.models.mtcnn import ONet
from torch import Tensor, nn

from deid import faces, images


def detection_rate(batch: Tensor, min_score: float = 0.9, device: str = "cpu") -> float:
    """The share of crops in which MTCNN finds a face at ``min_score`` or more.

    MTCNN looks for faces inside photos, not for tiny pictures filled by one: each crop is enlarged to about 192 px
    (bicubic) and gets a grey border of 32 px before it is searched. All of 64 real CelebA crops are found that way.
    """
    factor = max(1, round(192 / batch.shape[3]))
    found = []
    for part in batch.split(64):
        enlarged = F.interpolate(part, scale_factor=factor, mode="bicubic", align_corners=False).clamp(-1, 1)
        found += faces.detect(F.pad(enlarged, (32,) * 4), min_score, min_size=60, device=device)
    return sum(bool(here) for here in found) / len(found)


def mean_pairwise_distance(batch: Tensor) -> float:
    """The mean distance over all pairs of ``batch``: low when a generator draws few different faces."""
    return torch.pdist(batch.flatten(1)).mean().item() / math.sqrt(batch[0].numel())


def nearest_distances(
    queries: Tensor, references: Tensor, flips: bool = True, chunk: int = 1024
) -> tuple[Tensor, Tensor]:
    """Each query's distance (N,) to its nearest reference, and that reference's index (N,).

    With ``flips`` a mirrored reference counts as the same one: training saw both.
    """
    best = torch.full((len(queries),), math.inf)
    index = torch.zeros(len(queries), dtype=torch.long)
    for start in range(0, len(references), chunk):
        part = references[start : start + chunk]
        for seen in (part, part.flip(3)) if flips else (part,):
            distance, nearest = torch.cdist(queries.flatten(1), seen.flatten(1)).min(1)
            closer = distance < best
            best, index = torch.where(closer, distance, best), torch.where(closer, nearest + start, index)
    return best / math.sqrt(queries[0].numel()), index


def power_spectrum(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Frequencies in cycles per pixel (B,) and the mean power of the grey images on rings of each frequency (B,).

    Rings reach the corner of the spectrum (0.71), where a one-pixel checkerboard lives. A Hann window keeps the
    borders from leaking; Durall et al. (2020), arXiv 2003.01826.
    """
    power = _power(batch)
    frequencies = torch.fft.fftfreq(power.shape[0])
    radius = torch.hypot(frequencies[:, None], frequencies[None, :])
    ring = (radius * power.shape[0]).round().long().flatten()
    total = torch.zeros(int(ring.max()) + 1).index_add_(0, ring, power.flatten())
    return torch.arange(len(total)) / power.shape[0], total / torch.bincount(ring)


def checkerboard(batch: Tensor) -> float:
    """How far the power at the frequencies of a stride-2 upsampling stands out of its surroundings; 1 is not at all.

    A transposed convolution that covers pixels unevenly repeats with period 2 or 4 (Odena et al., 2016,
    https://distill.pub/2016/deconv-checkerboard). Each such peak is compared with the median of the ring of
    frequencies two to four steps away; the worst ratio comes back.
    """
    return max(peak / around for peak, around in _grid_peaks(batch))


def checkerboard_amplitude(batch: Tensor) -> float:
    """The same peak as the size of a wave, root mean square over images that are in [-1, 1].

    Exact for a period of 2; a period of 4 splits into two peaks, its wave is twice as large. A grey level of 8 bits
    is 2 / 255: a pattern of less than half of it does not survive rounding.
    """
    window = torch.hann_window(batch.shape[3], periodic=False)
    # A wave of amplitude a that meets the window adds (a * sum(window)^2)^2 to a spectrum scaled by sum(window^2)^2.
    scale = window.square().sum() / window.sum() ** 2
    return max(math.sqrt(max(0.0, peak - around)) for peak, around in _grid_peaks(batch)) * scale.item()


def sharpness(batch: Tensor) -> Tensor:
    """Mean size of the brightness gradient of each image (N,), per pixel."""
    grey = batch.mean(1)
    across, down = grey[:, :-1, 1:] - grey[:, :-1, :-1], grey[:, 1:, :-1] - grey[:, :-1, :-1]
    return torch.hypot(across, down).mean((1, 2))


def edge_step(batch: Tensor, visible: Tensor, window: int = 5) -> Tensor:
    """How far colours jump along the hole of each image (N,), in grey levels of 256.

    Images (N, 3, S, S), ``visible`` (N, 1, S, S). Where a window lies on both sides, the difference of the two sides'
    means. A face has edges of its own: compare with the same image before.
    """
    means = []
    for side in (visible, 1 - visible):
        share = F.avg_pool2d(side, window, 1, window // 2)
        means.append(F.avg_pool2d(batch * side, window, 1, window // 2) / share.clamp(min=1e-6))
    along = ((F.max_pool2d(1 - visible, 3, 1, 1) > 0.5) & (visible > 0.5)).float()
    steps = (means[0] - means[1]).abs().mean(1, keepdim=True) * along
    return 127.5 * steps.sum((1, 2, 3)) / along.sum((1, 2, 3))


def surviving_detail(batch: Tensor) -> float:
    """The sharpness of the mean image as a share of the images' own: 1 if all are alike, near 0 if nothing lines up."""
    return (sharpness(batch.mean(0, keepdim=True)) / sharpness(batch).mean()).item()


def landmark_scatter(landmarks: Tensor) -> float:
    """How far landmarks (N, 5, 2) lie from their mean places: root mean square, as a share of the mean eye distance."""
    mean = landmarks.mean(0)
    eye_distance = (landmarks[:, 1] - landmarks[:, 0]).norm(dim=1).mean()
    return ((landmarks - mean).square().sum(2).mean().sqrt() / eye_distance).item()


def averages(batch: Tensor, of: int = 16) -> Tensor:
    """The mean of each ``of`` images in a row, (N // of, 3, H, W): what a set looks like, with nobody in it."""
    count = len(batch) // of
    return batch[: count * of].reshape(count, of, *batch.shape[1:]).mean(1)


def keep_metrics(folder: str | Path, key: str, values: dict) -> Path:
    """Write ``values`` under ``key`` (a notebook's name) into ``folder/metrics.json``; other keys stay."""
    path = Path(folder) / "metrics.json"
    metrics = json.loads(path.read_text()) if path.exists() else {}
    images.write_atomically(path, (json.dumps(metrics | {key: values}, indent=1) + "\n").encode())
    return path


def _grid_peaks(batch: Tensor) -> list[tuple[float, float]]:
    """Power at each frequency that a stride-2 upsampling can leave, and the median power around it."""
    power = torch.fft.fftshift(_power(batch)).repeat(2, 2)  # periodic: neighbours beyond the edge exist
    size = len(batch[0, 0])
    steps = torch.arange(-4, 5)
    ring = torch.maximum(steps[:, None].abs(), steps[None, :].abs()) >= 2
    peaks = []
    for y, x in ((0, 2), (2, 0), (2, 2), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)):  # quarters of a cycle per pixel
        row, column = size // 2 + y * size // 4, size // 2 + x * size // 4
        around = power[row - 4 : row + 5, column - 4 : column + 5]
        peaks.append((power[row, column].item(), around[ring].median().item()))
    return peaks


class FaceFeatures(nn.Module):
    """256 features of a face: what MTCNN's last stage (O-Net) knows before it decides; its weights are in the package.

    Images (N, 3, H, W) in [-1, 1] -> (N, 256). Inception's features, the usual ones, need a download and were learned
    from photographs of things; distances on different features must never be compared.
    """

    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        network = ONet().eval().requires_grad_(False)
        layers = [layer for name, layer in network.named_children() if "dense" not in name and "softmax" not in name]
        self.convolutions = nn.Sequential(*layers[:-1])  # all but the last PReLU, which belongs to the dense layer
        self.dense = nn.Sequential(network.dense5, network.prelu5)

    def forward(self, images: Tensor) -> Tensor:
        small = F.interpolate(images, (48, 48), mode="bilinear", antialias=True, align_corners=False)
        # Flattened width before height before channels, as O-Net was trained.
        return self.dense(self.convolutions(small).permute(0, 3, 2, 1).flatten(1))


def frechet_distance(drawn: Tensor, real: Tensor, features: nn.Module | None = None) -> float:
    """Frechet distance (Heusel et al., 2017, arXiv 1706.08500, eq. 6) of two sets of images on ``FaceFeatures``.

    Both (N, 3, H, W) in [-1, 1]; it falls with N, so compare at one N only.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance  # of the study's extras; the tool does without

    distance = FrechetInceptionDistance(features or FaceFeatures())
    for batch, is_real in ((real, True), (drawn, False)):
        for part in batch.clamp(-1, 1).split(250):
            distance.update(part, real=is_real)
    return distance.compute().item()


def kernel_distance(drawn: Tensor, real: Tensor, features: nn.Module | None = None, seed: int = 0) -> float:
    """Kernel distance (Binkowski et al., 2018, arXiv 1801.01401, section 4): unbiased, for a few hundred images.

    Squared maximum mean discrepancy under a cubic kernel on ``FaceFeatures``, the mean over subsets of 100.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(100, len(drawn), len(real))
    distance = KernelInceptionDistance(features or FaceFeatures(), subsets=50, subset_size=size)
    for batch, is_real in ((real, True), (drawn, False)):
        for part in batch.clamp(-1, 1).split(250):
            distance.update(part, real=is_real)
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # its subsets
        return distance.compute()[0].item()


def _power(batch: Tensor) -> Tensor:
    """Mean power spectrum (S, S) of the windowed, centred grey images."""
    grey = batch.mean(1)
    window = torch.hann_window(grey.shape[2], periodic=False)
    grey = (grey - grey.mean((1, 2), keepdim=True)) * window[:, None] * window[None, :]
    return torch.fft.fft2(grey).abs().square().mean(0) / window.square().sum() ** 2
