"""The networks of the detector: facenet-pytorch's weights in our layers."""

import importlib.util

import pytest
import torch
import torch.nn.functional as F
from facenet_pytorch.models import mtcnn as published

from deid.photo import mtcnn_networks


@pytest.mark.parametrize(
    ("name", "size", "order"), [("PNet", 33, (1, 0)), ("RNet", 24, (1, 0)), ("ONet", 48, (2, 0, 1))]
)
@torch.no_grad()
def test_each_says_what_the_published_one_says(name, size, order):
    own = mtcnn_networks.networks()[["PNet", "RNet", "ONet"].index(name)]
    images = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(size)) * 2 - 1
    said = getattr(published, name)()(images)
    for k, (ours, theirs) in enumerate(zip(own(images), (said[k] for k in order), strict=True)):
        torch.testing.assert_close(ours, theirs if k else theirs[:, 1])


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("size", [(3, 3), (7, 8), (8, 11), (13, 12)])
def test_maxima_are_those_of_max_pooling(side, size):
    features = torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(side))
    pooled = mtcnn_networks._pooled(mtcnn_networks._pooled(features, side, 2), side, 3)
    assert torch.equal(pooled, F.max_pool2d(features, side, 2, ceil_mode=True))


def test_a_missing_package_is_named(monkeypatch):
    mtcnn_networks.networks.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install facenet-pytorch"):
        mtcnn_networks.networks()
