"""The classical methods: what they leave of a face, and how they lie over each other."""

import pytest
import torch

from deid.anonymization import compositing, obfuscation, pipeline
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome
from deid.photo.faces import Face


@pytest.mark.parametrize("method", obfuscation.OBFUSCATIONS)
def test_classical_methods_keep_the_shape_and_lose_detail(method):
    area = torch.rand(1, 3, 90, 77) * 2 - 1
    covered = obfuscation.OBFUSCATIONS[method](area, 60.0)
    assert covered.shape == area.shape
    assert covered.std() < 0.5 * area.std()


def test_pixelate_shows_tile_means():
    area = torch.rand(1, 3, 24, 24)
    tiles = obfuscation.pixelate(area, 24.0, tiles=4)
    assert torch.allclose(tiles[0, :, :6, :6], area[0, :, :6, :6].mean((1, 2))[:, None, None].expand(3, 6, 6))
    assert len(tiles[0, 0].unique()) == 16


def test_black_lies_over_a_neighbours_mosaic(sample, sample_faces):
    """Two overlapping faces: the smaller one's black is not uncovered by the larger one's pixels."""
    left = sample_faces[0]
    small = Face((*left.box[:2], left.box[0] + 60, left.box[1] + 60), 1.0, left.landmarks)
    targets = pipeline.plan_targets([small, left], Options(method="pixelate"))
    targets[0] = targets[0].blacked_out("a test")
    scene, _ = obfuscation.obfuscate(sample.pixels, targets, [Outcome(), Outcome()])
    (x1, y1, x2, y2), inside = compositing.hole_of(targets[0], sample.size)
    assert (scene.pixels[:, :, y1:y2, x1:x2][inside.expand(-1, 3, -1, -1) > 0.5] == -1).all()


def test_seconds_and_strength_reach_each_face(sample, sample_faces):
    targets = pipeline.plan_targets(sample_faces, Options(method="blur"))
    weak, outcomes = obfuscation.obfuscate(sample.pixels, targets, [Outcome(), Outcome()], 0.02)
    strong, _ = obfuscation.obfuscate(sample.pixels, targets, [Outcome(), Outcome()], 0.3)
    assert all(outcome.seconds > 0 for outcome in outcomes)
    assert (strong.pixels - sample.pixels).abs().mean() > 1.5 * (weak.pixels - sample.pixels).abs().mean()


@pytest.mark.parametrize("strength", [1e-300, 1e9, 1e300])
@pytest.mark.parametrize("method", ["blur", "pixelate"])
def test_an_absurd_strength_needs_no_more_time_or_memory(method, strength):
    area = torch.rand(1, 3, 90, 77) * 2 - 1
    covered = obfuscation.OBFUSCATIONS[method](area, 60.0, strength)
    assert covered.shape == area.shape and covered.isfinite().all()
