"""Words that stand for a command of their own."""

import os
import sys

import pytest
from PIL import Image

from deid import commands
from deid.__main__ import main
from deid.commands import Command


def test_a_word_is_handed_over_with_the_rest(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["references", "--help"])
    assert ended.value.code == 0 and "contact sheet" in capsys.readouterr().out


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(commands.COMMANDS, "video", Command("av.none", "", "video"))
    assert main(["video"]) == 2
    assert "pip install 'deid-faces[video]'" in capsys.readouterr().err
    monkeypatch.setitem(commands.COMMANDS, "video", Command("deid.nothing", ""))
    assert main(["video"]) == 2
    assert "deid video: not in this installation (deid.nothing is missing)" in capsys.readouterr().err


def test_a_photo_of_such_a_name_is_given_with_its_folder(sample_path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.mkdir("app")
    with Image.open(sample_path) as sample:
        sample.resize((sample.width // 3, sample.height // 3)).save("app/a.jpg")
    assert main(["./app", "--method", "blackout", "--no-verify", "--detector", "mtcnn"]) == 0
    assert (tmp_path / "app_anonymized" / "a.jpg").is_file()
