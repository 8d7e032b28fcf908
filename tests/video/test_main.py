"""The command that measures clips."""

from deid.video.__main__ import main

from .conftest import ROOT


def test_a_row_for_each_scenario_and_method(capsys):
    photo = str(ROOT / "media" / "group.jpg")
    few = ["--frames", "6", "--methods", "blackout", "blur", "--scenarios", "is cut"]
    assert main([photo, *few]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("| a face ... | method |")
    assert [row.split("|")[1:4] for row in rows] == [
        [" is cut ", " blackout ", " 0 of 6 "],
        [" is cut ", " blur ", " 0 of 6 "],
    ]


def test_a_photo_with_too_few_faces_is_refused(sample_path, capsys):
    assert main([str(sample_path)]) == 2
    assert "shows 2 faces, and 9 are needed" in capsys.readouterr().err
