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


class Pixels(torch.nn.Module):
    """Images (N, 3, 1, 2) are their own six features."""

    def forward(self, batch):
        return batch.flatten(1)


def drawn_around(shift: float, count: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (0.2 * torch.randn(count, 3, 1, 2, generator=random) + shift).clamp(-1, 1)


def test_kernel_distance_is_nothing_between_halves_and_grows_with_what_is_no_face(crops):
    real = crops.batch(range(6)).repeat(10, 1, 1, 1)
    real = (real + 0.05 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    noise = torch.rand(30, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    same = feature_distances.kernel_distance(real[:30], real[30:])
    other = feature_distances.kernel_distance(noise, real)
    assert abs(same.value) < other.value / 4 and other.value > 10 * other.standard_error


@pytest.mark.filterwarnings("ignore:Metric `Kernel")
def test_kernel_distance_is_that_of_another_implementation():
    kid = pytest.importorskip("torchmetrics.image.kid")
    drawn, real = drawn_around(0.1, 40, 1), drawn_around(0.0, 40, 2)
    theirs = kid.KernelInceptionDistance(Pixels(), subsets=1, subset_size=40)
    theirs.update(real, real=True)
    theirs.update(drawn, real=False)
    ours = feature_distances.kernel_distance(drawn, real, Pixels())
    assert ours.value == pytest.approx(theirs.compute()[0].item(), rel=1e-4)


def test_kernel_distance_has_no_bias_and_its_error_is_that_of_repeated_samples():
    """Over 150 pairs of small samples; the Frechet distance of sets that are alike is never 0."""
    for shift, slack in ((0.0, 2.0), (0.2, 1.25)):
        found = [
            feature_distances.kernel_distance(
                drawn_around(shift, 30, 2 * seed), drawn_around(0.0, 25, 2 * seed + 1), Pixels()
            )
            for seed in range(150)
        ]
        values, errors = torch.tensor(found).T
        scatter = values.std().item()
        large = drawn_around(shift, 3000, 1000), drawn_around(0.0, 3000, 1001)
        truth = feature_distances.kernel_distance(*large, Pixels()).value
        assert values.mean().item() == pytest.approx(truth, abs=4 * scatter / 150**0.5)
        assert scatter / slack < errors.square().mean().sqrt().item() < scatter * slack, shift


def test_kernel_distance_over_subsets_is_about_the_same():
    drawn, real = drawn_around(0.2, 400, 1), drawn_around(0.0, 400, 2)
    whole, parts = (
        feature_distances.kernel_distance(drawn, real, Pixels(), subset) for subset in (1000, 100)
    )
    assert whole.value != parts.value and abs(whole.value - parts.value) < whole.standard_error
    with pytest.raises(ValueError, match="at least 3"):
        feature_distances.kernel_distance(drawn[:2], real, Pixels())
