"""The options of the command line."""

import dataclasses

import pytest

from deid import arguments
from deid.anonymization.options import Options


def test_defaults_are_those_of_the_options():
    given = arguments.parse(["a.jpg", "-o", "out"])
    for field in dataclasses.fields(Options):
        if hasattr(given, field.name):
            assert getattr(given, field.name) == field.default, field.name


@pytest.mark.parametrize("given", [[], ["a.jpg"], ["-o", "out"]])
def test_inputs_and_an_output_folder_are_needed(given, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments.parse(given)
    assert ended.value.code == 2
    assert "give photos, clips or folders, and with -o a folder" in capsys.readouterr().err


def test_a_camera_needs_neither():
    assert arguments.parse(["--webcam", "0"]).webcam == 0
