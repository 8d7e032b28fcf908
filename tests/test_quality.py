"""Quality measures on data whose answer is known."""

import json
import math

import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet

from deid import quality


def noise(count: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def waves(cycles: int) -> torch.Tensor:
    return torch.cos(2 * math.pi * cycles * torch.arange(64) / 64).expand(2, 3, 64, 64).clone()


def test_faces_are_detected_in_crops_and_not_in_noise(crops):
    assert quality.detection_rate(crops.batch(range(len(crops)))) == 1.0
    assert quality.detection_rate(noise(4)) == 0.0
    assert quality.detection_rate(torch.cat([crops.batch([0]), noise(3)])) == 0.25


def test_mean_pairwise_distance_of_black_grey_white():
    batch = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 3, 8, 8)
    assert quality.mean_pairwise_distance(batch) == pytest.approx((1 + 2 + 1) / 3)
    assert quality.mean_pairwise_distance(noise(1).expand(4, -1, -1, -1)) == 0


def test_nearest_distances_find_the_twin_and_its_mirror():
    references = noise(10)
    queries = torch.stack([references[7], references[3].flip(2), references[9] + 0.01])
    distance, index = quality.nearest_distances(queries, references, chunk=4)
    assert index.tolist() == [7, 3, 9]
    assert distance[0] < 1e-3 and distance[2] == pytest.approx(0.01, abs=1e-3)
    alone, _ = quality.nearest_distances(queries, references, flips=False)
    assert alone[1] > 0.5


def test_power_spectrum_peaks_at_the_wave():
    frequencies, power = quality.power_spectrum(waves(8))
    assert frequencies[power.argmax()] == pytest.approx(8 / 64, abs=1 / 64)
    assert frequencies[-1] == pytest.approx(math.sqrt(0.5), abs=1 / 64)


def test_power_spectrum_of_a_checkerboard_lies_in_the_corner():
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    frequencies, power = quality.power_spectrum(board.expand(1, 3, 64, 64))
    assert frequencies[power.argmax()] > 0.68


@pytest.mark.parametrize("period", [2, 4])
def test_checkerboard_sees_what_uneven_upsampling_leaves(period):
    clean = noise(256)
    comb = 0.15 * (torch.arange(64) % period == 0).float()
    assert quality.checkerboard(clean) < 1.5
    assert quality.checkerboard(clean + comb) > 10
    assert quality.checkerboard(clean + comb[:, None]) > 10


def test_checkerboard_amplitude_is_the_size_of_the_wave():
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    quiet = 0.01 * noise(256)
    assert quality.checkerboard_amplitude(quiet) < 0.001
    assert quality.checkerboard_amplitude(quiet + 0.03 * board) == pytest.approx(0.03, rel=0.05)


def test_face_features_are_the_detectors_own(crops):
    """O-Net's own head on top of them gives O-Net's own verdict."""
    features, whole = quality.FaceFeatures(), ONet().eval()
    batch = torch.nn.functional.interpolate(crops.batch(range(6)), (48, 48))
    with torch.no_grad():
        torch.testing.assert_close(whole.dense6_3(features(batch)), whole(batch)[1])


def test_frechet_distance_by_hand():
    """Two Gaussians on the first two means: |m - n|^2 + tr(C + D - 2 sqrt(CD)), for C = 1 and D = 4 (shifted by 3)."""

    class Means(torch.nn.Module):
        num_features = 2

        def forward(self, batch):
            return batch.mean((2, 3))[:, :2]

    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4000, 3, 1, 1, generator=generator) * 0.1
    real, drawn = values.expand(-1, -1, 4, 4), (2 * values + 0.3).expand(-1, -1, 4, 4)
    assert quality.frechet_distance(drawn, real, Means()) == pytest.approx(2 * (0.09 + 0.01 + 0.04 - 0.04), rel=0.1)
    assert quality.frechet_distance(real, real, Means()) == pytest.approx(0, abs=1e-4)


def test_frechet_distance_ranks_by_likeness(crops):
    faces = crops.batch([0, 1, 2, 3, 4, 5]).repeat(20, 1, 1, 1)
    faces = faces + 0.02 * torch.randn(faces.shape, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(faces, 9, 1, 4)
    near, far = (quality.frechet_distance(batch, faces) for batch in (faces.flip(0) * 0.98, blurred))
    assert 0 <= near < 0.2 * far


def test_sharpness_is_the_slope():
    ramp = (torch.arange(64) / 32 - 1).expand(2, 3, 64, 64)
    assert torch.allclose(quality.sharpness(ramp), torch.full((2,), 1 / 32))


def test_surviving_detail_is_one_for_twins_and_falls_with_independent_noise():
    assert quality.surviving_detail(noise(1).expand(5, -1, -1, -1)) == pytest.approx(1)
    assert quality.surviving_detail(noise(100)) == pytest.approx(0.1, abs=0.01)


def test_landmark_scatter_is_relative_to_the_eye_distance():
    face = torch.tensor([[0.0, 0], [10, 0], [5, 5], [1, 9], [9, 9]])
    assert quality.landmark_scatter(face.expand(3, 5, 2)) == 0
    moved = torch.stack([face - torch.tensor([1.0, 0]), face + torch.tensor([1.0, 0])])
    assert quality.landmark_scatter(moved) == pytest.approx(0.1)


def test_averages_leave_the_rest_out():
    assert torch.equal(quality.averages(noise(5), 2), torch.stack([noise(5)[:2].mean(0), noise(5)[2:4].mean(0)]))


def test_metrics_of_several_notebooks_share_a_file(tmp_path):
    quality.keep_metrics(tmp_path, "01", {"kept": 3})
    quality.keep_metrics(tmp_path, "02", {"rate": 0.5})
    path = quality.keep_metrics(tmp_path, "01", {"kept": 4})
    assert json.loads(path.read_text()) == {"01": {"kept": 4}, "02": {"rate": 0.5}}


def test_kernel_distance_is_nothing_between_halves_and_grows_with_what_is_no_face(crops):
    real = crops.batch(range(6)).repeat(10, 1, 1, 1)
    real = (real + 0.05 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    noise = torch.rand(30, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    same, other = quality.kernel_distance(real[::2], real[1::2]), quality.kernel_distance(noise, real)
    assert abs(same) < other / 4 and same == quality.kernel_distance(real[::2], real[1::2])
