"""The measure can fail and can pass: it tells what is obvious, and cannot tell what is alike."""

import json

import pytest
import torch

from deid.evaluation import detectability, forensics, gates
from deid.evaluation.classifier import learn
from deid.evaluation.identification import area_under_curve
from deid.photo.blending import gaussian


def grainy(count: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return gaussian(0.4 * torch.randn(count, 3, 48, 48, generator=random), 0.7).clamp(-1, 1)


def traces(crops: torch.Tensor) -> torch.Tensor:
    holes = torch.zeros(len(crops), 1, 48, 48)
    holes[:, :, 14:34, 14:34] = 1
    return forensics.describe(crops, holes)


def test_faces_that_are_alike_cannot_be_told_and_a_soft_patch_always_is():
    untouched, alike, softer = grainy(60, 1), grainy(60, 2), grainy(60, 3)
    softer[:, :, 14:34, 14:34] = gaussian(softer, 0.8)[:, :, 14:34, 14:34]
    nothing = detectability.told(traces(untouched), traces(alike))
    assert nothing.low < 0.5 < nothing.high and abs(nothing.value - 0.5) < 0.1
    assert detectability.told(traces(untouched), traces(softer)).value > 0.97
    assert detectability.told(traces(untouched), traces(untouched)).value == pytest.approx(0.5)


def test_no_one_is_judged_by_what_was_learned_from_them():
    """With more features than people, noise is learned by heart: only other people show that it is noise."""
    random = torch.Generator().manual_seed(0)
    untouched, replaced = torch.randn(2, 80, 400, generator=random)
    score = learn(untouched, replaced)
    assert area_under_curve(score(replaced), score(untouched)) > 0.99
    assert abs(detectability.told(untouched, replaced).value - 0.5) < 0.12
    with pytest.raises(ValueError, match="at least 8 people, not 6"):
        detectability.told(untouched[:6], replaced[:6])


def test_one_photo_of_each_person(portraits, tmp_path):
    alone = portraits(tmp_path, 3)
    for name in ("Collins", "Hopper"):
        portraits(tmp_path / name, 2)
    everyone = detectability.one_photo_each(tmp_path)
    assert len(everyone) == 5 and set(alone) < set(everyone)
    assert {path.name for path in set(everyone) - set(alone)} == {"portrait-00.jpg"}
    drawn = [detectability.one_photo_each(tmp_path, 2, seed) for seed in range(8)]
    assert drawn[0] == detectability.one_photo_each(tmp_path, 2, 0) and len(set(map(tuple, drawn))) > 1
    with pytest.raises(ValueError, match="5 people, 6 were asked for"):
        detectability.one_photo_each(tmp_path, 6)


def test_the_command_says_what_a_machine_tells_and_stores_it(portraits, tmp_path, capsys, monkeypatch):
    portraits(tmp_path / "photos", 8)
    command = [
        str(tmp_path / "photos"),
        "--cache",
        str(tmp_path / "cache"),
        "--methods",
        "control",
        "blackout",
    ]
    detectability.main(command)
    control, black = map(json.loads, capsys.readouterr().out.splitlines())
    assert [control["method"], black["method"], black["people"]] == ["control", "blackout", 8]
    for name in detectability.SIGHTS:
        value, low, high = black[name]
        assert value > 0.95 and low <= value <= high <= 1
    assert control["AUC"][0] < 0.8
    monkeypatch.setattr(detectability.views, "view_after", lambda *_: pytest.fail("looked at twice"))
    detectability.main(command)
    again = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["AUC"] for line in again] == [control["AUC"], black["AUC"]]
    for other in (["blackout mask=face-80"], ["--seed", "1"]):  # other settings are looked at anew
        with pytest.raises(pytest.fail.Exception, match="looked at twice"):
            detectability.main([*command, *other])


def test_a_detector_that_misses_black_faces_stops_the_run(portraits, tmp_path, monkeypatch):
    portraits(tmp_path / "photos", 8)
    monkeypatch.setattr(forensics, "describe", lambda crops, holes: torch.zeros(len(crops), 5))
    command = [str(tmp_path / "photos"), "--cache", str(tmp_path / "cache"), "--methods", "blackout"]
    with pytest.raises(gates.GateError, match="learned nothing"):
        detectability.main(command)
