"""One list of requirements, written down four times: the four agree. And what ships is complete and small."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import deid
from deid.doctor import shipped

ROOT = Path(__file__).parents[1]
# Modules that exist only to use an extra; whoever imports them says what is missing.
OF_EXTRAS = {"deid.app.handlers", "deid.app.page", "deid.app.serving", "deid.app.widgets"}
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def listed(path: Path) -> dict[str, Requirement]:
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in path.read_text().splitlines()]
    parsed = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {requirement.name: requirement for requirement in parsed}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared() -> dict[str, Requirement]:
    extras = project()["optional-dependencies"]
    lines = [*project()["dependencies"], *extras["video"], *extras["study"], *extras["test"]]
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


@pytest.mark.slow
def test_package_runs_without_the_extras():
    """Only what pyproject lists as dependencies may be imported by ``deid`` itself."""
    blocked = [
        "accelerate",
        "av",
        "gradio",
        "ipywidgets",
        "cv2",
        "skimage",
        "sklearn",
        "pandas",
        "IPython",
        "papermill",
        "nbformat",
        "pytest",
        "ray",
        "yaml",
        "torchmetrics",
        "nbconvert",
        "mypy",
        "ruff",
    ]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import pkgutil, importlib, deid\n"
    code += "for m in pkgutil.walk_packages(deid.__path__, 'deid.'):\n"
    code += f"    m.name.endswith('__main__') or m.name in {OF_EXTRAS} or importlib.import_module(m.name)\n"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_make_help_names_every_target():
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert all(f"make {target}" in text for target in targets.split() if target != "help")


def test_ci_lints_before_it_tests():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines.index("make lint") < lines.index("make test")


def test_hooks_format_with_the_same_ruff():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {
        Requirement(line) for hook in hooks for line in hook["additional_dependencies"] if "ruff" in line
    }
    assert tools == {declared()["ruff"]}


def test_the_citation_is_of_this_version():
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == deid.__version__


def test_package_data_are_there():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package, patterns in data.items():
        for pattern in patterns:
            assert list((ROOT / package.replace(".", "/")).glob(pattern)), f"{package}: {pattern}"
    stored = {path.relative_to(ROOT / "deid").as_posix() for path in (ROOT / "deid").rglob("*.safetensors")}
    covered = {
        path.relative_to(ROOT / "deid").as_posix()
        for package, patterns in data.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert stored <= covered, "a network that would not ship"


def test_the_wheel_leaves_out_what_only_training_needs():
    left_out = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "exclude-package-data"
    ]
    names = {
        f"{package.removeprefix('deid.')}/{name}" for package, names in left_out.items() for name in names
    }
    assert names == set(shipped.TRAINING_ONLY) and all((ROOT / "deid" / name).is_file() for name in names)


def test_links_of_the_project_wait_for_its_place():
    """While the setting is empty, no address is made up."""
    repository = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["deid"]["repository"]
    links = project().get("urls", {}).values()
    assert bool(links) == bool(repository)
    assert all(link.startswith(f"https://github.com/{repository}") for link in links)


def test_reports_are_small_and_hold_no_notebooks():
    """The pages hold all of the notebooks; `make study` removes those."""
    ignored = ("quick", "local")
    runs = [run for run in (ROOT / "reports").iterdir() if not run.name.startswith(ignored)]
    files = [path for run in runs for path in run.rglob("*") if path.is_file()]
    assert files and not [path for path in files if path.suffix == ".ipynb"]
    assert sum(path.stat().st_size for path in files) < 15_000_000


def test_every_picture_in_media_is_shown():
    """README, docs or a notebook name it."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in texts)
    pictures = [path for path in (ROOT / "media").iterdir() if path.suffix in (".jpg", ".png", ".gif")]
    assert not [path.name for path in pictures if f"media/{path.name}" not in text]


def test_every_picture_and_file_that_a_page_links_to_is_there():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deid/**/*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
