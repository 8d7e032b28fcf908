"""Ways to harmonise, measured: the right answer costs nothing, and both ways are better than none."""

import json

import pytest
import torch

from deid.evaluation import harmonization
from deid.evaluation.harmonization import Case
from deid.photo import masks


@pytest.fixture(scope="module")
def rows(crops):
    """What every way makes of two crops of 64 px."""
    few = crops.at(64)
    few = crops.at(128)  # a copy
    few._bytes = few._bytes[:2]
    return harmonization.compare(few)


@pytest.fixture
def case(crops):
    face, landmarks = crops.at(256).batch([0]), crops.at(256).landmarks[0]
    visible = masks.frame_mask("face", landmarks, 256)
    return Case("own", face, face, visible, face, 1 - visible)


def test_the_face_itself_is_the_right_answer(case):
    assert harmonization.measure(case, harmonization.none) == pytest.approx(
        {"colour": 0.0, "light": 0.0, "rim": 0.0}, abs=1e-4
    )


def test_a_darker_face_differs_in_colour_and_along_the_rim_but_not_in_light(case):
    found = harmonization.measure(case, lambda frame, visible, reference, weight: reference - 0.3)
    assert found["colour"] > 8 and found["rim"] > 5 and found["light"] < 4


def test_light_from_one_side_is_told(case):
    light = torch.linspace(-0.4, 0.4, 256)
    found = harmonization.measure(case, lambda frame, visible, reference, weight: reference + light)
    assert found["light"] > 6


def test_the_command_prints_a_line_for_each_way(crops, monkeypatch, capsys):
    made = dict.fromkeys(harmonization.WAYS, {"own colour": 1.0})
    monkeypatch.setattr(harmonization, "FaceCrops", lambda folders, limit: crops)
    monkeypatch.setattr(harmonization, "compare", lambda crops, light: made)
    harmonization.main(["folder", "--light", "0.1"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["way"] for line in lines] == list(harmonization.WAYS) and lines[0]["light"] == 0.1


@pytest.mark.slow
def test_both_ways_are_better_than_none(rows):
    assert set(rows["none"]) == {
        f"{kind} {name}" for kind in ("own", "other") for name in ("colour", "light", "rim")
    }
    for way in ("frequencies", "network"):
        assert rows[way]["own colour"] < rows["none"]["own colour"], way
