"""Quality measures on images whose answer is known."""

import pytest
import torch

from deid.evaluation import image_quality


def noise(count: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_faces_are_detected_in_crops_and_not_in_noise(crops):
    assert image_quality.detection_rate(crops.batch(range(len(crops)))) == 1.0
    assert image_quality.detection_rate(noise(4)) == 0.0
    assert image_quality.detection_rate(torch.cat([crops.batch([0]), noise(3)])) == 0.25


def test_mean_pairwise_distance_of_black_grey_white():
    batch = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 3, 8, 8)
    assert image_quality.mean_pairwise_distance(batch) == pytest.approx((1 + 2 + 1) / 3)
    assert image_quality.mean_pairwise_distance(noise(1).expand(4, -1, -1, -1)) == 0


def test_nearest_distances_find_the_twin_and_its_mirror():
    references = noise(10)
    queries = torch.stack([references[7], references[3].flip(2), references[9] + 0.01])
    distance, index = image_quality.nearest_distances(queries, references, chunk=4)
    assert index.tolist() == [7, 3, 9]
    assert distance[0] < 1e-3 and distance[2] == pytest.approx(0.01, abs=1e-3)
    alone, _ = image_quality.nearest_distances(queries, references, flips=False)
    assert alone[1] > 0.5


def test_sharpness_is_the_slope():
    ramp = (torch.arange(64) / 32 - 1).expand(2, 3, 64, 64)
    assert torch.allclose(image_quality.sharpness(ramp), torch.full((2,), 1 / 32))


def test_surviving_detail_is_one_for_twins_and_falls_with_independent_noise():
    assert image_quality.surviving_detail(noise(1).expand(5, -1, -1, -1)) == pytest.approx(1)
    assert image_quality.surviving_detail(noise(100)) == pytest.approx(0.1, abs=0.01)


def test_landmark_scatter_is_relative_to_the_eye_distance():
    face = torch.tensor([[0.0, 0], [10, 0], [5, 5], [1, 9], [9, 9]])
    assert image_quality.landmark_scatter(face.expand(3, 5, 2)) == 0
    moved = torch.stack([face - torch.tensor([1.0, 0]), face + torch.tensor([1.0, 0])])
    assert image_quality.landmark_scatter(moved) == pytest.approx(0.1)


def test_averages_leave_the_rest_out():
    assert torch.equal(
        image_quality.averages(noise(5), 2), torch.stack([noise(5)[:2].mean(0), noise(5)[2:4].mean(0)])
    )


def test_a_step_along_the_hole_is_measured_in_grey_levels():
    visible = torch.ones(2, 1, 64, 64)
    visible[..., 20:40, 20:40] = 0
    batch = torch.zeros(2, 3, 64, 64)
    batch[1] += 0.2 * (1 - visible[1])
    flat, step = image_quality.edge_step(batch, visible).tolist()
    assert flat == pytest.approx(0, abs=1e-4) and step == pytest.approx(25.5, abs=0.1)
