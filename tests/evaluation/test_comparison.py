"""Methods side by side: measured on the photo that comes out, each in a process of its own."""

import dataclasses

import pytest
import torch

from deid.anonymization import pipeline
from deid.anonymization.options import Options
from deid.evaluation import comparison

QUICK = Options(method="dcgan", starts=8, iterations=20, verify=False)


@pytest.mark.slow
def test_what_a_method_makes_of_a_photo(sample_path, tmp_path):
    record = comparison.measure_method([sample_path], QUICK, tmp_path)
    assert (record["method"], record["photos"], record["drawn"], record["blacked out"]) == ("dcgan", 1, 2, 0)
    assert record["still detected"] == 1 and (tmp_path / "dcgan" / sample_path.name).exists()
    assert 0 < record["edge step"] < 40 and 0.2 < record["sharpness ratio"] < 3 and record["peak bytes"] > 1e8


def test_a_face_that_is_gone_is_not_found(sample, sample_faces):
    result = pipeline.anonymize(sample, QUICK, sample_faces)
    assert comparison.still_found(result.photo, sample_faces) == [True, True]
    grey = dataclasses.replace(sample, pixels=torch.where(result.hidden > 0.5, 0.0, sample.pixels))
    assert comparison.still_found(grey, sample_faces) == [False, False]


@pytest.mark.slow
def test_each_method_runs_in_its_own_process_and_says_what_went_wrong(sample_path, tmp_path):
    case = "dcgan starts=2 iterations=3"
    (record,) = comparison.compare([sample_path], [case], tmp_path)
    assert record["method"] == case and (tmp_path / "dcgan-starts=2-iterations=3" / sample_path.name).exists()
    with pytest.raises(RuntimeError, match="missing.jpg"):
        comparison.compare([tmp_path / "missing.jpg"], ["dcgan"])
