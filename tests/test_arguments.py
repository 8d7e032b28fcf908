"""The options of the command line."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deid.anonymization.options import CHOICES, Options
from deid.arguments import parse, parser
from deid.commands import COMMANDS

ROOT = Path(__file__).parents[1]


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


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "give photos, clips or folders"),
        (["-o", "out"], "give photos, clips or folders"),
        (["a.jpg", "--review"], "-o FOLDER"),
        (["a.jpg", "-o", "out", "--review", "--preview"], "choose one of them"),
    ],
)
def test_what_makes_no_sense_ends_with_the_fix(given, told, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(given)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_camera_needs_no_input_and_a_photo_no_folder_for_the_result():
    assert parse(["--webcam", "0"]).webcam == 0
    assert parse(["a.jpg"]).output is None


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", ""])
def test_workers_are_a_number_or_auto(number, capsys):
    assert [parse(["a.jpg", "--workers", text]).workers for text in ("auto", "3")] == ["auto", "3"]
    with pytest.raises(SystemExit):
        parse(["a.jpg", f"--workers={number}"])
    assert "must be auto, or a number from 1 on" in capsys.readouterr().err


def test_help_names_every_group_and_the_other_commands(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    said = capsys.readouterr().out
    assert said.startswith("usage: deid FILE_OR_FOLDER")
    assert all(f"\n{title}:" in said for title in ("what is written", "how a face is hidden", "which faces"))
    assert all(f"\n  {word} " in said for word in COMMANDS)


@pytest.mark.parametrize("given", [["--help"], ["no-such-photo.jpg"], ["deid", "--jitter", "9"]])
def test_help_and_wrong_usage_import_nothing_slow(given):
    """Seconds lie in these imports; the time itself depends on the machine."""
    code = "import sys; from deid.__main__ import main\n"
    code += f"try: main({given!r})\nexcept SystemExit: pass\n"
    code += "print(*{'torch', 'numpy', 'scipy', 'matplotlib', 'tqdm'} & set(sys.modules), sep=',')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0 and run.stdout.splitlines()[-1:] in ([], [""]), run.stdout[-300:] + run.stderr


def test_a_shell_that_completes_is_answered(tmp_path):
    pytest.importorskip("argcomplete")
    line = "deid party.jpg --method bl"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": " "}
    answer = tmp_path / "answer"
    asked |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
    code = "from deid.__main__ import main; main()"
    subprocess.run([sys.executable, "-c", code], env=os.environ | asked, cwd=ROOT)
    assert answer.read_text().split() == ["blackout", "blur"]
