"""Every notebook keeps the same shape, and every parameter file fits its notebook. (nbval runs the cells.)"""

import ast
import json
import os
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PARAMETERS = sorted((FOLDER / "params").glob("*.yaml"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def parameters(path: Path) -> dict[str, tuple[str, object]]:
    """Name -> (type, default) of the parameters cell; fails where a line is not ``name: type = literal  # help``."""
    (cell,) = [cell for cell in code(path) if "parameters" in tags(cell)]
    found = {}
    for line in cell.source.splitlines():
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.AnnAssign) and "  # " in line, f"not `name: type = literal  # help`: {line}"
        found[statement.target.id] = statement.annotation.id, ast.literal_eval(statement.value)
    return found


@every_notebook
def test_first_five_cells(path):
    title, bootstrap, given, _, versions = read(path).cells[:5]
    assert title.source.startswith("# ") and "colab.research.google.com" in title.source and path.name in title.source
    assert "CPU" in title.source and "*Needs*" in title.source and "*Makes*" in title.source
    assert bootstrap.source == read(NOTEBOOKS[0]).cells[1].source, "the bootstrap cell is the same everywhere"
    assert tags(given) == ["parameters"] and parameters(path)
    assert "nbval-ignore-output" in tags(versions)


@every_notebook
def test_shape(path):
    cells = read(path).cells
    share = sum(cell.cell_type == "markdown" for cell in cells) / len(cells)
    assert 18 <= len(cells) <= 32
    assert 0.45 <= share <= 0.55, f"{share:.0%} markdown"
    for cell in code(path):
        assert len(cell.source.splitlines()) <= 15, cell.source
    nodes = [node for cell in code(path) for node in ast.walk(ast.parse(cell.source))]
    assert not any(isinstance(node, ast.ClassDef) for node in nodes)
    assert sum(isinstance(node, ast.FunctionDef) for node in nodes) <= 1


@every_notebook
def test_committed_outputs(path):
    assert path.stat().st_size < 500_000
    outputs = [output for cell in code(path) for output in cell.outputs]
    assert outputs, "commit the notebook with the outputs of the quick run"
    assert not [output for output in outputs if output.output_type == "error"]
    assert all(cell.execution_count for cell in code(path) if cell.outputs)
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert str(FOLDER.parent) not in path.read_text(), "a path of the machine it ran on"


@every_notebook
def test_committed_outputs_are_of_the_defaults(path):
    """papermill leaves a cell of injected parameters: such a notebook belongs in reports/."""
    assert not any("injected-parameters" in tags(cell) for cell in code(path))
    assert "papermill" not in read(path).metadata


@pytest.mark.parametrize("path", PARAMETERS, ids=lambda path: path.stem)
def test_parameter_files_fit_their_notebooks(path):
    """papermill only warns of unknown names, and then runs with the default."""
    notebooks = list(FOLDER.glob(f"{path.stem.rpartition('-')[2]}_*.ipynb"))
    assert len(notebooks) == 1, f"no notebook for {path.name}"
    (notebook,) = notebooks
    known = parameters(notebook)
    for name, value in yaml.safe_load(path.read_text()).items():
        assert name in known, f"{notebook.name} has no parameter {name}"
        wanted = known[name][0]
        assert type(value).__name__ == wanted or (wanted == "float" and isinstance(value, int)), f"{name} is a {wanted}"


@every_notebook
def test_defaults_have_their_types(path):
    for name, (kind, value) in parameters(path).items():
        assert type(value).__name__ == kind, name


def test_a_notebook_runs_with_other_parameters(tmp_path):
    papermill = pytest.importorskip("papermill")
    environment = {"TQDM_DISABLE": "1", "PYTHONPATH": os.pathsep.join([str(FOLDER.parent), *sys.path])}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        given = {"portraits": 40, "crops": str(tmp_path / "faces"), "output": str(tmp_path), "show_faces": False}
        papermill.execute_notebook(
            FOLDER / "01_dataset_creation.ipynb", tmp_path / "01.ipynb", given,
            cwd=FOLDER, kernel_name="python3", progress_bar=False,
        )  # fmt: skip
    metrics = json.loads((tmp_path / "metrics.json").read_text())["01_dataset_creation"]
    assert metrics["photos"] == 40 and metrics["kept"] > 0
    assert (tmp_path / "figures" / "01-mean-faces.png").exists()
