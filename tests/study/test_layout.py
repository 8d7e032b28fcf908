"""A committed notebook opens unmodified, with its set-up collapsed and without progress bars."""

import copy
import json

import pytest

from deid.study import layout

BAR = {"output_type": "display_data", "data": {layout.WIDGET: {"model_id": "1"}, "text/plain": "0%"}}
SAID = {"output_type": "stream", "name": "stdout", "text": ["done\n"]}


def cell(kind: str = "code", **metadata) -> dict:
    outputs = {"outputs": [copy.deepcopy(BAR), copy.deepcopy(SAID)]} if kind == "code" else {}
    return {"cell_type": kind, "id": "one", "metadata": metadata, "source": ["x = 1"], **outputs}


@pytest.fixture
def notebook() -> dict:
    cells = [cell("markdown"), cell(), cell(tags=["parameters"]), cell(tags=["nbval-ignore-output"])]
    cells += [cell("markdown"), cell(execution={"started": "now"})]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "widgets": {"state": {}}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def test_set_up_is_collapsed_and_the_parameters_are_not(notebook):
    cells = layout.laid_out(notebook)["cells"]
    hidden = [part["metadata"].get("jupyter", {}).get("source_hidden", False) for part in cells]
    assert hidden == [False, True, False, True, False, False]
    assert cells[3]["metadata"]["tags"] == ["nbval-ignore-output", "hide-input"]
    assert cells[2]["metadata"]["tags"] == ["parameters"]


def test_bars_and_what_is_noted_of_a_run_go_and_everything_else_stays(notebook):
    before = copy.deepcopy(notebook)
    after = layout.laid_out(notebook)
    assert after["metadata"]["kernelspec"]["display_name"] == "Python 3 (ipykernel)"
    assert set(after["metadata"]) == {"kernelspec", "language_info"}
    assert after["cells"][5] == before["cells"][5] | {"metadata": {}, "outputs": [SAID]}
    assert after["cells"][4] == before["cells"][4]


def test_a_second_time_nothing_changes_and_the_check_says_so(notebook, tmp_path, capsys):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook))
    assert layout.main([str(path), "--check"]) == 1
    assert f"{path}: not as it is committed" in capsys.readouterr().out
    assert layout.main([str(path)]) == 0
    written = path.read_bytes()
    assert layout.main([str(path), "--check"]) == 0 and layout.main([str(path)]) == 0
    assert path.read_bytes() == written
