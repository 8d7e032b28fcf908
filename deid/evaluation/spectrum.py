"""Traces of upsampling in the spectrum of drawn images. Images are (N, 3, S, S) in [-1, 1]."""

import math

import torch
from torch import Tensor


def power_spectrum(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Frequencies in cycles per pixel (B,), and the mean power of the grey images on the ring of each (B,).

    Rings reach the corner of the spectrum (0.71), where a one-pixel checkerboard lives. A Hann window keeps
    the borders from leaking; Durall et al. (2020), arXiv 2003.01826.
    """
    power = _power(batch)
    frequencies = torch.fft.fftfreq(power.shape[0])
    radius = torch.hypot(frequencies[:, None], frequencies[None, :])
    ring = (radius * power.shape[0]).round().long().flatten()
    total = torch.zeros(int(ring.max()) + 1).index_add_(0, ring, power.flatten())
    return torch.arange(len(total)) / power.shape[0], total / torch.bincount(ring)


def checkerboard(batch: Tensor) -> float:
    """How far the power at a stride-2 upsampling's frequencies stands out of what is around; 1 is not at all.

    A transposed convolution that covers pixels unevenly repeats with period 2 or 4 (Odena et al., 2016,
    https://distill.pub/2016/deconv-checkerboard). Each such peak is compared with the median of the ring of
    frequencies two to four steps away; the worst ratio comes back.
    """
    return max(peak / around for peak, around in _grid_peaks(batch))


def checkerboard_amplitude(batch: Tensor) -> float:
    """The same peak as the size of a wave, root mean square over images that are in [-1, 1].

    Exact for a period of 2; a period of 4 splits into two peaks, its wave is twice as large. A grey level of
    8 bits is 2 / 255: a pattern of less than half of it does not survive rounding.
    """
    window = torch.hann_window(batch.shape[3], periodic=False)
    # A wave of amplitude a under the window adds (a * sum(window)^2)^2 to a power scaled by sum(window^2)^2.
    scale = window.square().sum() / window.sum() ** 2
    return max(math.sqrt(max(0.0, peak - around)) for peak, around in _grid_peaks(batch)) * scale.item()


def _grid_peaks(batch: Tensor) -> list[tuple[float, float]]:
    """Power at each frequency that a stride-2 upsampling can leave, and the median power around it."""
    power = torch.fft.fftshift(_power(batch)).repeat(2, 2)  # periodic: neighbours beyond the edge exist
    size = len(batch[0, 0])
    steps = torch.arange(-4, 5)
    ring = torch.maximum(steps[:, None].abs(), steps[None, :].abs()) >= 2
    peaks = []
    quarters = (0, 2), (2, 0), (2, 2), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)  # of a cycle per pixel
    for y, x in quarters:
        row, column = size // 2 + y * size // 4, size // 2 + x * size // 4
        around = power[row - 4 : row + 5, column - 4 : column + 5]
        peaks.append((power[row, column].item(), around[ring].median().item()))
    return peaks


def _power(batch: Tensor) -> Tensor:
    """Mean power spectrum (S, S) of the windowed, centred grey images."""
    grey = batch.mean(1)
    window = torch.hann_window(grey.shape[2], periodic=False)
    grey = (grey - grey.mean((1, 2), keepdim=True)) * window[:, None] * window[None, :]
    return torch.fft.fft2(grey).abs().square().mean(0) / window.square().sum() ** 2
