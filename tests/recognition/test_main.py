"""The command line for recognisers that do not ship."""

import pytest

from deid.recognition import __main__ as command_line
from deid.recognition import fetching


def test_a_local_file_is_put_in_place_with_its_terms(mobilefacenet_onnx, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert command_line.main(["fetch", "mobilefacenet", str(mobilefacenet_onnx)]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(fetching.place()) and fetching.place().is_file()
    assert "research only" in captured.err


@pytest.mark.parametrize("name", ["other.onnx", "missing.onnx"])
def test_other_files_are_refused_in_one_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "other.onnx").write_bytes(b"something else")
    assert command_line.main(["fetch", "mobilefacenet", str(tmp_path / name)]) == 1
    assert name in capsys.readouterr().err.splitlines()[-1] and not fetching.place().exists()
