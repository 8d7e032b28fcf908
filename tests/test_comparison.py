"""Methods side by side: measured on the photo that comes out, each in a process of its own."""

import dataclasses

import pytest
import torch

from deid import anonymizer, comparison, quality
from deid.anonymizer import Options

QUICK = Options(method="dcgan", starts=8, iterations=20, verify=False)


def test_a_step_along_the_hole_is_measured_in_grey_levels():
    visible = torch.ones(2, 1, 64, 64)
    visible[..., 20:40, 20:40] = 0
    batch = torch.zeros(2, 3, 64, 64)
    batch[1] += 0.2 * (1 - visible[1])
    flat, step = quality.edge_step(batch, visible).tolist()
    assert flat == pytest.approx(0, abs=1e-4) and step == pytest.approx(25.5, abs=0.1)


def test_what_a_method_makes_of_a_photo(sample_path, tmp_path):
    record = comparison.measure([sample_path], QUICK, tmp_path)
    assert (record["method"], record["photos"], record["drawn"], record["blacked out"]) == ("dcgan", 1, 2, 0)
    assert record["still detected"] == 1 and (tmp_path / "dcgan" / sample_path.name).exists()
    assert 0 < record["edge step"] < 40 and 0.2 < record["sharpness ratio"] < 3 and record["peak bytes"] > 1e8


def test_a_face_that_is_gone_is_not_found(sample, sample_faces):
    result = anonymizer.anonymize(sample, QUICK, sample_faces)
    assert comparison.still_found(result.photo, sample_faces) == [True, True]
    grey = dataclasses.replace(sample, pixels=torch.where(result.hidden > 0.5, 0.0, sample.pixels))
    assert comparison.still_found(grey, sample_faces) == [False, False]


def test_each_method_runs_in_its_own_process_and_says_what_went_wrong(sample_path, tmp_path):
    case = "dcgan starts=2 iterations=3"
    (record,) = comparison.compare([sample_path], [case], tmp_path)
    assert record["method"] == case and (tmp_path / "dcgan-starts=2-iterations=3" / sample_path.name).exists()
    with pytest.raises(RuntimeError, match="nobody.jpg"):
        comparison.compare([tmp_path / "nobody.jpg"], ["dcgan"])
