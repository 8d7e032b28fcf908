"""On Colab: what the notebooks need and the machine lacks is installed; nothing that is there is replaced.

A notebook's second cell calls this where the package itself is not installed.
"""

import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
STUDY = (
    "torchmetrics",
    "dlib-bin",
    "face-recognition-models",
)  # of the extra: the rest is for running notebooks
# The module of a package whose name says another one.
MODULES = {"pillow": "PIL", "dlib-bin": "dlib"}


def missing(project: Path = PROJECT) -> list[str]:
    """The requirements, with their ranges, whose modules are not there; else any version is fine."""
    settings = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    study = [line for line in settings["optional-dependencies"]["study"] if _name(line) in STUDY]
    return [line for line in [*settings["dependencies"], *study] if not _is_there(_name(line))]


def install(project: Path = PROJECT) -> list[str]:
    """Install what is ``missing`` -> what that was. Raises ``ConnectionError`` where pip cannot."""
    if wanted := missing(project):
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted]
        if subprocess.run(pip).returncode:
            raise ConnectionError(
                f"pip could not install {', '.join(wanted)}; is this machine connected to the internet?"
            )
        importlib.invalidate_caches()
    return wanted


def _name(requirement: str) -> str:
    return re.split(r"[\s<>=!~\[;]", requirement, maxsplit=1)[0]


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(MODULES.get(name, name.replace("-", "_"))) is not None
