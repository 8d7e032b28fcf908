"""The networks of the detector: facenet-pytorch's weights in our layers."""

import importlib.util

import pytest
import torch
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


def test_a_missing_package_is_named(monkeypatch):
    mtcnn_networks.networks.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install facenet-pytorch"):
        mtcnn_networks.networks()
