"""What Colab lacks is installed there, and what it has stays; `make colab` tries it with its own packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deid.study import colab, links

ROOT = Path(__file__).parents[2]
ADDED = {"facenet-pytorch", "openpeople", "torchmetrics", "lightning-utilities", "face-recognition-models"}


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(
        "[project]\ndependencies = ['numpy>=1', 'pillow>=99', 'nosuchpackage==1.0']\n"
        "optional-dependencies = {study = ['jupyterlab>=4', 'torchmetrics>=1', 'dlib-bin>=20,<21']}\n"
    )
    return path


def test_only_what_is_not_there_is_missing(project, monkeypatch, tmp_path):
    for name in ("dlib", "torchmetrics"):  # whatever is installed here
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(part for part in sys.path if part)])
    (tmp_path / "dlib.py").touch()  # of Colab's own version
    found = colab.missing(project)
    assert "nosuchpackage==1.0" in found and set(found) <= {"nosuchpackage==1.0", "torchmetrics>=1"}


def test_what_pip_cannot_install_is_said_in_a_sentence(project, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(ConnectionError, match="could not install nosuchpackage==1.0"):
        project.write_text(
            "[project]\ndependencies = ['nosuchpackage==1.0']\noptional-dependencies = {study = []}"
        )
        colab.install(project)


def test_the_project_itself_lacks_nothing_here():
    assert [line for line in colab.missing() if not line.startswith(("dlib", "face"))] == []


def packages(python: Path) -> set[tuple[str, str]]:
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    return {tuple(line.replace("_", "-").split("==")) for line in listed.stdout.splitlines() if "==" in line}


@pytest.fixture
def machine(tmp_path):
    """A new environment on top of Colab's packages, which stay as they are: DEID_COLAB is their Python."""
    base = os.environ["DEID_COLAB"]
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([base, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([base, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    own = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    Path(own, "colab.pth").write_text(f"{site}\n")
    return python


@pytest.mark.slow
@pytest.mark.skipif("DEID_COLAB" not in os.environ, reason="`make colab` runs it: it installs packages")
def test_the_bootstrap_cell_on_colab_at_the_first_start_and_after_a_restart(machine, tmp_path, monkeypatch):
    """The real project from git, the real packages from the index, and a face replaced."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{ROOT}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/someone/faces")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "content").mkdir()
    code = links.bootstrap_cell("someone/faces") + "\nimport deid\n"
    code += "result = deid.anonymize('../media/sample.jpg', method='onepass', detector='mtcnn')\n"
    code += "import torchmetrics\nprint(result.status, len(result.targets))"
    before = packages(machine)

    def start() -> str:
        run = subprocess.run([machine, "-c", code], cwd=tmp_path / "content", capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout.splitlines()[-1]

    assert start() == "anonymized 2"
    after = packages(machine)
    assert before <= after, "nothing of Colab's was replaced"
    assert {name for name, _ in after - before} == ADDED
    assert start() == "anonymized 2" and packages(machine) == after
