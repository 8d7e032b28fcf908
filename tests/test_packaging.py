"""One list of requirements, written down four times: the four agree."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import yaml
from packaging.requirements import Requirement

import deid

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def listed(path: Path) -> dict[str, Requirement]:
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in path.read_text().splitlines()]
    parsed = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {requirement.name: requirement for requirement in parsed}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared() -> dict[str, Requirement]:
    extras = project()["optional-dependencies"]
    lines = [*project()["dependencies"], *extras["study"], *extras["test"]]
    return {Requirement(line).name: Requirement(line) for line in lines}


def test_requirements_are_those_of_the_package():
    assert listed(ROOT / "requirements.txt") == declared()
    assert (ROOT / "requirements.txt").read_text().rstrip().endswith("\n-e .")


def test_every_requirement_has_an_upper_bound():
    for requirement in declared().values():
        assert {clause.operator for clause in requirement.specifier} & {"<", "=="}, requirement


def test_constraints_pin_every_requirement_inside_its_range():
    pinned = listed(ROOT / "constraints.txt")
    for name, requirement in declared().items():
        (clause,) = pinned[name].specifier
        assert clause.operator == "==" and clause.version in requirement.specifier, name


def test_conda_environment_has_the_same_ranges():
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    lines = [entry for entry in [*entries, *pip] if isinstance(entry, str) and not entry.startswith("-")]
    conda = {}
    for requirement in map(Requirement, lines):
        requirement.name = CONDA_NAMES.get(requirement.name, requirement.name)
        conda[requirement.name] = requirement.specifier
    assert {name: conda.get(name) for name in declared()} == {n: r.specifier for n, r in declared().items()}
    assert str(conda["python"]) == project()["requires-python"]


def test_version_is_told_once():
    assert version("deid-faces") == deid.__version__ == project()["version"]


def test_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="deid")
    assert command.value == "deid.__main__:main"


def test_package_runs_without_the_study_and_test_extras():
    """Only what pyproject lists as dependencies may be imported by ``deid`` itself."""
    blocked = [
        "cv2",
        "skimage",
        "sklearn",
        "pandas",
        "IPython",
        "papermill",
        "nbformat",
        "pytest",
        "yaml",
        "torchmetrics",
    ]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import pkgutil, importlib, deid\n"
    code += "for m in pkgutil.walk_packages(deid.__path__, 'deid.'):\n"
    code += "    m.name.endswith('__main__') or importlib.import_module(m.name)\n"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_make_help_names_every_target():
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert all(f"make {target}" in text for target in targets.split() if target != "help")
