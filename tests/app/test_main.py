import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deid.app import __main__ as command

ROOT = Path(__file__).parents[2]
GRADIO = importlib.util.find_spec("gradio")


def test_without_gradio_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "deid.app.serving", raising=False)
    monkeypatch.delattr("deid.app.serving", raising=False)
    assert command.main([]) == 2
    assert "pip install 'deid-faces[app]'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not GRADIO, reason="Gradio is not installed: pip install -e '.[app]'")
def test_a_server_that_is_told_to_end_leaves_no_files(own_library, tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "deid.app"], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        lines = iter(server.stdout.readline, "")
        address = next(line for line in lines if line.startswith("Open "))
        assert "http://127.0.0.1:" in address
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("deid-app-")]
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("deid-app-")]
