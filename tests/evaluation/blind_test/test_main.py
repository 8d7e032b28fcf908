"""The blind test's command line: what is shown, and what comes out of it."""

import json

import pytest
import torch

from deid.evaluation.blind_test import sheets
from deid.evaluation.blind_test.__main__ import main
from deid.photo import images
from deid.photo.images import Photo


@pytest.fixture
def folders(tmp_path, sample):
    """The sample photo, and two results: all red, all blue."""
    for name, pixels in (
        ("photos", sample.pixels),
        ("red", torch.tensor([1.0, -1, -1])),
        ("blue", torch.tensor([-1.0, -1, 1])),
    ):
        whole = pixels.reshape(1, 3, *pixels.shape[2:]) if pixels.ndim == 4 else pixels.view(1, 3, 1, 1)
        images.save(Photo(whole.expand_as(sample.pixels)), tmp_path / name / "sample.png")
    return tmp_path


def test_sheets_and_scores(folders, capsys):
    out = folders / "out"
    results = [f"{name}={folders / name}" for name in ("red", "blue")]
    command = [
        "sheets",
        str(folders / "photos"),
        "--output",
        str(out),
        "--results",
        *results,
    ]
    assert main(command) == 0
    assert "2 faces, 4 lookers, 4 sheets" in capsys.readouterr().out
    key = json.loads((out / "key.json").read_text())
    for looker, items in key.items():
        sheet = images.load(out / looker / "001-002.png").pixels
        for k, number in enumerate(sorted(items)):
            left = sheets.GAP + k * (sheets.SIDE + sheets.GAP)
            cell = sheet[0, :, sheets.GAP : sheets.GAP + 90, left : left + 90]
            colour = {"red": [1, -1, -1], "blue": [-1, -1, 1]}.get(items[number][1])
            whole = torch.tensor(colour or [9.0] * 3).view(3, 1, 1).expand_as(cell)
            alike = bool((cell - whole).abs().max() < 0.02)
            assert alike == (colour is not None), "the key says what is shown"
    for looker in ("looker-1", "looker-2", "looker-3"):  # the fourth is not done
        said = {
            number: [2, "all red"] if version == "red" else int(version == "blue")
            for number, (_, version) in key[looker].items()
        }
        (out / f"{looker}.json").write_text(json.dumps(said))
    assert main(["score", str(out)]) == 0
    lines = {(line := json.loads(text))["version"]: line for text in capsys.readouterr().out.splitlines()}
    assert sum(line["looks"] for line in lines.values()) == 6
    assert lines["red"]["wrong at once"][0] == 1.0 and lines["red"]["nothing noticed"][0] == 0.0
    assert lines["blue"]["wrong at once"][0] == lines["blue"]["nothing noticed"][0] == 0.0
    assert lines[sheets.UNTOUCHED]["nothing noticed"][0] == 1.0
    assert main(["score", str(out), "--by-photo", "red"]) == 0
    assert "| sample.png | 0 | 0 | 2 | all red; all red |" in capsys.readouterr().out
    assert main(["score", str(out), "--by-photo", "green"]) == 1
    assert "no version 'green'; there are" in capsys.readouterr().err


def test_what_is_missing_is_named(folders, capsys):
    (folders / "red" / "sample.png").unlink()
    command = ["sheets", str(folders / "photos"), "--output", str(folders / "out")]
    assert main([*command, "--results", f"red={folders / 'red'}"]) == 1
    assert f"{folders / 'red' / 'sample.png'}: is missing" in capsys.readouterr().err
    assert not (folders / "out").exists()


@pytest.mark.parametrize("said", [{"002": 1}, {"001": 3, "002": 0}, {"001": "wrong", "002": 0}])
def test_a_verdict_that_is_none_is_named(folders, said, capsys):
    out, photos = folders / "out", str(folders / "photos")
    results = f"blue={folders / 'blue'}"
    main(["sheets", photos, "--output", str(out), "--lookers", "1", "--results", results])
    (out / "looker-1.json").write_text(json.dumps(said))
    assert main(["score", str(out)]) == 1
    assert "looker-1.json: 001 is" in capsys.readouterr().err
