"""Distances between sets of images whose answer is known."""

import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet

from deid.evaluation import feature_distances


def test_face_features_are_the_detectors_own(crops):
    """O-Net's own head on top of them gives O-Net's own verdict."""
    features, whole = feature_distances.FaceFeatures(), ONet().eval()
    batch = torch.nn.functional.interpolate(crops.batch(range(6)), (48, 48))
    with torch.no_grad():
        torch.testing.assert_close(whole.dense6_3(features(batch)), whole(batch)[1])


def test_frechet_distance_by_hand():
    """Gaussians on the first two means: |m - n|^2 + tr(C + D - 2 sqrt(CD)), C = 1, D = 4 (shifted by 3)."""

    class Means(torch.nn.Module):
        num_features = 2

        def forward(self, batch):
            return batch.mean((2, 3))[:, :2]

    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4000, 3, 1, 1, generator=generator) * 0.1
    real, drawn = values.expand(-1, -1, 4, 4), (2 * values + 0.3).expand(-1, -1, 4, 4)
    assert feature_distances.frechet_distance(drawn, real, Means()) == pytest.approx(
        2 * (0.09 + 0.01 + 0.04 - 0.04), rel=0.1
    )
    assert feature_distances.frechet_distance(real, real, Means()) == pytest.approx(0, abs=1e-4)


def test_frechet_distance_ranks_by_likeness(crops):
    faces = crops.batch([0, 1, 2, 3, 4, 5]).repeat(20, 1, 1, 1)
    faces = faces + 0.02 * torch.randn(faces.shape, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(faces, 9, 1, 4)
    near, far = (
        feature_distances.frechet_distance(batch, faces) for batch in (faces.flip(0) * 0.98, blurred)
    )
    assert 0 <= near < 0.2 * far


def test_kernel_distance_is_nothing_between_halves_and_grows_with_what_is_no_face(crops):
    real = crops.batch(range(6)).repeat(10, 1, 1, 1)
    real = (real + 0.05 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    noise = torch.rand(30, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    same, other = (
        feature_distances.kernel_distance(real[::2], real[1::2]),
        feature_distances.kernel_distance(noise, real),
    )
    assert abs(same) < other / 4 and same == feature_distances.kernel_distance(real[::2], real[1::2])
