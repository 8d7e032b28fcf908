"""The detectors that are compared, on the photo of two people."""

import pytest
import torch
import torch.nn.functional as F

from deid.evaluation.detection.detectors import DETECTORS
from deid.photo.faces import overlap


@pytest.fixture(scope="module")
def small(sample) -> torch.Tensor:
    return F.interpolate(sample.pixels, scale_factor=0.4, mode="bilinear", antialias=True)


@pytest.mark.parametrize("name", [name for name in DETECTORS if name != "thorough"])
def test_each_finds_both_faces_best_first(small, sample_faces, name):
    finds = DETECTORS[name](small)
    assert len(finds) == 2 and all(certain for _, certain in finds)
    wanted = [face.scaled(0.4).box for face in sample_faces]
    for box, own in zip(wanted, sorted(box for box, _ in finds), strict=True):
        assert overlap(box, own) > 0.6


@pytest.mark.parametrize("name", DETECTORS)
def test_none_finds_a_face_in_grey(name):
    assert DETECTORS[name](torch.zeros(1, 3, 64, 80)) == []
