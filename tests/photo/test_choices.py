"""Detectors and masks by name."""

import pytest
import torch

from deid.photo import choices, finding, masks
from deid.photo.alignment import DCGAN_FRAME


@pytest.mark.parametrize("mask", choices.MASKS)
def test_every_mask_hides_something(mask):
    hidden = 1 - masks.frame_mask(mask, DCGAN_FRAME.points(), DCGAN_FRAME.size)
    assert 0.1 < hidden.mean() < 1


@pytest.mark.parametrize("detector", choices.DETECTORS)
def test_every_detector_looks(detector):
    assert finding.find(torch.zeros(1, 3, 40, 40), detector) == []
