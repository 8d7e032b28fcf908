"""Every notebook keeps the same shape, and every parameter file fits its notebook. (nbval runs the cells.)"""

import ast
import copy
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deid.data import dataset
from deid.study import layout, links

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
    """Name -> (type, default) of the parameters cell; each line must be ``name: type = literal  # help``."""
    (cell,) = [cell for cell in code(path) if "parameters" in tags(cell)]
    found = {}
    for line in cell.source.splitlines():
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.AnnAssign) and "  # " in line, (
            f"not `name: type = literal  # help`: {line}"
        )
        found[statement.target.id] = statement.annotation.id, ast.literal_eval(statement.value)
    return found


@every_notebook
def test_first_five_cells(path):
    first = read(NOTEBOOKS[0]).cells
    title, bootstrap, given, _, versions = read(path).cells[:5]
    repository = links.repository_of()
    assert title.source.startswith("# ") and "CPU" in title.source
    assert "*Needs*" in title.source and "*Makes*" in title.source
    assert title.source == links.titled(title.source, links.badge(repository, f"notebooks/{path.name}"))
    assert bootstrap.source == links.bootstrap_cell(repository)
    assert tags(given) == ["parameters"] and parameters(path)
    assert versions.source == first[4].source, "the cell with the versions is the same everywhere"
    assert tags(versions) == ["nbval-ignore-output", layout.HIDDEN]


@every_notebook
def test_the_types_of_the_parameters_are_checked_before_anything_happens(path):
    """papermill hands ``-p fresh false`` over as the text "false", which Python holds for true."""
    statements = ast.parse(read(path).cells[3].source).body
    first = next(part for part in statements if not isinstance(part, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == "begin(globals())"


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
def test_every_figure_is_followed_by_text_that_reads_it(path):
    cells = read(path).cells
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        pictures = [o for o in cell.get("outputs", []) if "image/" in str(o.get("data", {}))]
        assert not pictures or (following and following.cell_type == "markdown"), cell.source


@every_notebook
def test_it_opens_unmodified_with_its_set_up_collapsed(path):
    notebook = json.loads(path.read_text())
    assert layout.laid_out(copy.deepcopy(notebook)) == notebook, (
        "run: python -m deid.study.layout notebooks/*.ipynb"
    )


@every_notebook
def test_figures_have_a_text_and_fit_into_the_column(path):
    """So wide on the screen: narrower ones are lost there, wider ones are shrunk, and the faces with them."""
    for output in (output for cell in code(path) for output in cell.outputs):
        for alt, width in re.findall(
            r'<img alt="([^"]*)" width="(\d+)"', output.get("data", {}).get("text/html", "")
        ):
            assert alt and 400 <= int(width) <= 1150, (alt, width)


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
        assert type(value).__name__ == wanted or (wanted == "float" and isinstance(value, int)), (
            f"{name} is a {wanted}"
        )


@every_notebook
def test_defaults_have_their_types(path):
    for name, (kind, value) in parameters(path).items():
        assert type(value).__name__ == kind, name


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., None]:
    """Runs a notebook with parameters, as ``make study`` does: by papermill, in a kernel."""
    papermill = pytest.importorskip("papermill")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent), *sys.path]))

    def execute(name: str, **given) -> None:
        out = tmp_path / f"ran-{name}"
        papermill.execute_notebook(
            FOLDER / name, out, given, cwd=FOLDER, kernel_name="python3", progress_bar=False
        )

    return execute


@pytest.fixture
def begin(monkeypatch) -> Callable[..., None]:
    """Runs the first ``cells`` with parameters and without a kernel; raises what a cell raised."""
    monkeypatch.chdir(FOLDER)

    def execute(name: str, cells: int, **given) -> None:
        names: dict = {"__name__": "notebook"}
        for cell in read(FOLDER / name).cells[:cells]:
            if cell.cell_type == "code":
                exec(compile(cell.source, name, "exec"), names)
                names |= given if "parameters" in tags(cell) else {}

    return execute


def files_below(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def made(photos: list[Path], folder: Path) -> Path:
    """A dataset of ours."""
    for _ in dataset.create(photos, folder, dataset.Settings(min_face=40)):
        pass
    return folder


DATASET, GROUP = "01_dataset_creation.ipynb", "04_group_anonymization.ipynb"
CLEARS, CREATES = 7, 16  # so many cells of notebook 01 until it has cleared what was there, and written anew
CHECKS = 4  # and of notebook 04 until it has looked at the places of its files


@pytest.mark.slow
def test_a_notebook_runs_with_other_parameters(run, tmp_path):
    run(DATASET, portraits=40, crops=str(tmp_path / "faces"), output=str(tmp_path), show_faces=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())["01_dataset_creation"]
    assert metrics["photos"] == 40 and metrics["crops"] > 0
    assert (tmp_path / "figures" / "01-mean-faces.jpg").exists()


@pytest.mark.slow
def test_false_as_text_stops_the_notebook_before_a_dataset_is_deleted(begin, tmp_path, portraits):
    crops = tmp_path / "faces"
    made(portraits(tmp_path / "photos", 2), crops / "landmarks")
    before = files_below(crops)
    with pytest.raises(Exception, match="fresh: 'false' is text, and True or False is wanted"):
        begin(DATASET, CLEARS, fresh="false", crops=str(crops), output=str(tmp_path / "out"))
    assert files_below(crops) == before and len(before) > 2


@pytest.mark.slow
def test_photos_in_the_folder_of_the_crops_survive_a_fresh_run(begin, tmp_path, portraits):
    photos = portraits(tmp_path / "mine" / "photos", 6)
    made(photos[:2], tmp_path / "mine" / "landmarks")  # of an earlier run, and to be cleared
    before = files_below(tmp_path / "mine" / "photos")
    out = str(tmp_path / "out")
    begin(DATASET, CREATES, photos=str(photos[0].parent), crops=str(tmp_path / "mine"), output=out)
    assert files_below(tmp_path / "mine" / "photos") == before
    assert len(dataset.read_index(tmp_path / "mine" / "landmarks")) == 6


@pytest.mark.slow
@pytest.mark.parametrize("place", ["photos", "landmarks"])
def test_a_folder_that_is_not_ours_stops_a_fresh_run(place, begin, tmp_path, portraits):
    portraits(tmp_path / "mine" / place, 2)
    before = files_below(tmp_path / "mine")
    with pytest.raises(Exception, match="not cleared, for it has no"):
        begin(DATASET, CLEARS, crops=str(tmp_path / "mine"), output=str(tmp_path / "out"))
    assert files_below(tmp_path / "mine") == before


@pytest.mark.slow
def test_a_foreign_file_in_a_dataset_survives_a_fresh_run(begin, tmp_path, portraits):
    folder = made(portraits(tmp_path / "photos", 2), tmp_path / "mine" / "landmarks")
    (folder / "notes.txt").write_text("mine")
    (folder / "crops" / "holiday.jpg").write_bytes(b"mine")
    begin(DATASET, CLEARS, photos=str(tmp_path / "photos"), crops=str(tmp_path / "mine"))
    assert files_below(folder) == {"notes.txt": b"mine", "crops/holiday.jpg": b"mine"}


@pytest.mark.slow
@pytest.mark.parametrize("photo", ["mine/holiday.jpg", "mine/anonymized.jpg", "elsewhere.jpg"])
def test_no_photo_is_written_over_the_input_or_a_foreign_file(photo, begin, tmp_path, sample_path):
    (tmp_path / "mine").mkdir()
    for name in {photo, "mine/anonymized.jpg"}:
        shutil.copy(sample_path, tmp_path / name)
    before = files_below(tmp_path / "mine")
    with pytest.raises(Exception, match="choose another output folder"):
        begin(GROUP, CHECKS, photo=str(tmp_path / photo), output=str(tmp_path / "mine"))
    assert files_below(tmp_path / "mine") == before
