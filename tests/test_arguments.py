"""The options of the command line."""

import dataclasses

import pytest

from deid.anonymization.options import CHOICES, Options
from deid.arguments import parse, parser


def test_unasked_the_command_line_does_what_python_does():
    given = parser().parse_args(["photo.jpg", "-o", "out"])
    fields = [field for field in dataclasses.fields(Options) if hasattr(given, field.name)]
    assert len(fields) > 15
    assert {f.name: getattr(given, f.name) for f in fields} == {f.name: f.default for f in fields}


@pytest.mark.parametrize("name", ["method", "detector", "doubtful", "recogniser", "mask"])
def test_every_choice_can_be_asked_for_and_nothing_else(name, capsys):
    for choice in filter(None, CHOICES[name]):
        given = parser().parse_args(["a.jpg", "-o", "out", f"--{name}", choice])
        assert getattr(Options(**{name: choice}), name) == getattr(given, name) == choice
    with pytest.raises(SystemExit):
        parser().parse_args(["a.jpg", "-o", "out", f"--{name}", "guesswork"])
    assert "guesswork" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["a.jpg"], ["-o", "out"]])
def test_inputs_and_an_output_folder_are_needed(given, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(given)
    assert ended.value.code == 2
    assert "give photos, clips or folders, and with -o a folder" in capsys.readouterr().err


def test_a_camera_needs_neither():
    assert parse(["--webcam", "0"]).webcam == 0
