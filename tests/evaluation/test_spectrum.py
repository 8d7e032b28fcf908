"""Traces of upsampling in images whose spectrum is known."""

import math

import pytest
import torch

from deid.evaluation import spectrum


def noise(count: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def waves(cycles: int) -> torch.Tensor:
    return torch.cos(2 * math.pi * cycles * torch.arange(64) / 64).expand(2, 3, 64, 64).clone()


def test_power_spectrum_peaks_at_the_wave():
    frequencies, power = spectrum.power_spectrum(waves(8))
    assert frequencies[power.argmax()] == pytest.approx(8 / 64, abs=1 / 64)
    assert frequencies[-1] == pytest.approx(math.sqrt(0.5), abs=1 / 64)


def test_power_spectrum_of_a_checkerboard_lies_in_the_corner():
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    frequencies, power = spectrum.power_spectrum(board.expand(1, 3, 64, 64))
    assert frequencies[power.argmax()] > 0.68


@pytest.mark.parametrize("period", [2, 4])
def test_checkerboard_sees_what_uneven_upsampling_leaves(period):
    clean = noise(256)
    comb = 0.15 * (torch.arange(64) % period == 0).float()
    assert spectrum.checkerboard(clean) < 1.5
    assert spectrum.checkerboard(clean + comb) > 10
    assert spectrum.checkerboard(clean + comb[:, None]) > 10


def test_checkerboard_amplitude_is_the_size_of_the_wave():
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    quiet = 0.01 * noise(256)
    assert spectrum.checkerboard_amplitude(quiet) < 0.001
    assert spectrum.checkerboard_amplitude(quiet + 0.03 * board) == pytest.approx(0.03, rel=0.05)
