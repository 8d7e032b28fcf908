"""Every link to the repository comes from one setting; while it is empty there are none."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deid.study import links

ROOT = Path(__file__).parents[2]
PLACEHOLDER = "OWN" + "ER"
TITLE = "# A claim\n\nTwo sentences.\n\n*Needs* nothing. *Makes* figures."
OLD = f"[![Open in Colab]({links.BADGE})](https://colab.research.google.com/github/a/b/blob/main/x.ipynb)"


def notebook(folder: Path, title: str = TITLE, second: str = f"old  # {links.MARK}") -> Path:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": title.splitlines(keepends=True)},
        {"cell_type": "code", "metadata": {}, "source": [second], "outputs": [], "execution_count": 1},
    ]
    path = folder / "05_claim.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {}}))
    return path


def project(folder: Path, repository: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(f'[tool.deid]\nrepository = "{repository}"\n')
    return path


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


def test_the_badge_and_the_address_are_written_and_removed_again(tmp_path):
    path = notebook(tmp_path)
    given = [str(path), "--project", str(project(tmp_path, "someone/faces"))]
    assert (
        links.main([*given, "--check"]) == 1
        and links.main(given) == 0
        and links.main([*given, "--check"]) == 0
    )
    title, second = sources(path)
    line = links.badge("someone/faces", "notebooks/05_claim.ipynb")
    assert title == f"# A claim\n\nTwo sentences.\n\n{line}\n\n*Needs* nothing. *Makes* figures."
    assert 'repository = "someone/faces"' in second and second == links.bootstrap_cell("someone/faces")
    project(tmp_path, "")
    assert links.main(given) == 0 and links.main([*given, "--check"]) == 0
    assert sources(path) == [TITLE, links.bootstrap_cell("")]


@pytest.mark.parametrize("joint", [" &nbsp; ", "\n\n", "\n"])
def test_an_older_badge_is_replaced_wherever_it_stood(joint):
    old = TITLE.replace("*Needs*", f"{OLD}{joint}*Needs*")
    line = links.badge("someone/faces", "notebooks/05_claim.ipynb")
    assert links.titled(old, "") == TITLE
    assert links.titled(old, line) == links.titled(links.titled(old, line), line) == links.titled(TITLE, line)


def test_a_cell_that_is_no_bootstrap_stays(tmp_path):
    path = notebook(tmp_path, second="print(1)")
    links.main([str(path), "--project", str(project(tmp_path, "someone/faces"))])
    assert sources(path)[1] == "print(1)"


def test_markdown_gets_the_clone_command_between_its_markers(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{links.BEGIN}\nold\n{links.END}\nafter\n")
    given = [str(path), "--project", str(project(tmp_path, "someone/faces"))]
    links.main(given)
    text = path.read_text()
    assert "git clone https://github.com/someone/faces\ncd faces\n" in text and "old" not in text
    project(tmp_path, "")
    links.main(given)
    assert path.read_text() == f"before\n{links.BEGIN}\n{links.END}\nafter\n"
    assert links.linked_markdown("no markers", "someone/faces") == "no markers"


@pytest.mark.parametrize("repository", ["only-a-name", "https://github.com/a/b", "a/b/c", "a b/c"])
def test_a_setting_of_another_form_is_refused(repository, tmp_path):
    with pytest.raises(ValueError, match="owner/name"):
        links.repository_of(project(tmp_path, repository))
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert links.repository_of(tmp_path / "pyproject.toml") == ""


def test_without_an_address_the_bootstrap_cell_says_so(tmp_path):
    """In an interpreter that has no ``deid``: a sentence, and no attempt to clone from nowhere."""
    (tmp_path / "notebooks").mkdir()
    code = links.bootstrap_cell("")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path / "notebooks", capture_output=True, text=True
    )
    assert done.returncode == 1 and "address of the repository is not set" in done.stderr.splitlines()[-1]


def test_the_bootstrap_cell_is_silent_where_deid_is_installed():
    done = subprocess.run(
        [sys.executable, "-c", links.bootstrap_cell("someone/faces")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(links.bootstrap_cell("someone/faces").splitlines()) <= 15


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A project that git finds at github.com/someone/faces, and a machine where nothing is installed."""
    source = tmp_path / "published"
    for part in ("anonymization", "study"):
        (source / "deid" / part).mkdir(parents=True)
        (source / "deid" / part / "__init__.py").touch()
    (source / "deid" / "__init__.py").touch()
    shutil.copy(ROOT / "deid" / "study" / "colab.py", source / "deid" / "study")
    (source / "notebooks").mkdir()
    (source / "notebooks" / "one.ipynb").touch()
    settings = "[project]\ndependencies = []\noptional-dependencies = {study = []}\n"
    (source / "pyproject.toml").write_text(settings)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(source)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{source}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/someone/faces")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "content").mkdir()
    return tmp_path / "content"


def started(folder: Path, repository: str) -> subprocess.CompletedProcess:
    """The bootstrap cell in a new interpreter without packages, and where it ended."""
    code = links.bootstrap_cell(repository) + "\nprint(os.getcwd(), importlib.import_module('deid').__file__)"
    command = [sys.executable, "-S", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_on_colab_the_first_start_clones_and_a_restart_uses_the_clone(published):
    first = started(published, "someone/faces")
    assert first.stdout.split() == [
        str(published / "deid" / "notebooks"),
        str(published / "deid" / "deid" / "__init__.py"),
    ], first.stderr
    (published / "deid" / "mine.txt").touch()
    again = started(published, "someone/faces")
    assert (again.stdout, again.returncode) == (first.stdout, 0) and (
        published / "deid" / "mine.txt"
    ).exists()
    assert started(published / "deid" / "notebooks", "someone/faces").stdout == first.stdout, "in a checkout"


def test_an_address_that_cannot_be_reached_is_said_in_a_sentence(published, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url./nowhere.insteadOf")
    done = started(published, "someone/faces")
    last = "ConnectionError: github.com/someone/faces cannot be reached; clone it by hand"
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == last and "During" not in done.stderr


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_has_a_placeholder_for_the_repository():
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # pictures and weights
            continue
        if re.search(rf"\b{PLACEHOLDER}\b", text):
            found.append(path.relative_to(ROOT).as_posix())
    assert not found, "run python -m deid.study.links on them"


def test_links_are_up_to_date():
    files = [*sorted((ROOT / "notebooks").glob("*.ipynb")), ROOT / "README.md"]
    assert links.main([*map(str, files), "--check"]) == 0
