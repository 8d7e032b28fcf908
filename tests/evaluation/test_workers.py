"""Work in several processes makes what one process makes."""

import pytest
import torch

from deid.anonymization.options import Options
from deid.evaluation import cohort, observations, workers


@pytest.mark.slow
def test_several_processes_see_what_one_sees(two_people, tmp_path, monkeypatch):
    monkeypatch.setattr(observations, "CHUNK", 1)
    paths, black = [p.gallery for p in cohort.people(two_people, 2)], Options(method="blackout", verify=False)
    one = observations.observe(paths, black, tmp_path / "one", ("openface",))
    two = observations.observe(paths, black, tmp_path / "two", ("openface",), workers=2)
    assert torch.equal(one.vectors["openface"], two.vectors["openface"]) and torch.equal(one.crops, two.crops)


def test_one_worker_leaves_the_work_to_whoever_reads():
    workers.spread(pytest.fail, [("run",), ("run",)], workers=1)
    workers.spread(pytest.fail, [("run",)], workers=2)
