"""A published notebook says nothing of the machine that ran it, and loses nothing else."""

import json
from pathlib import Path

from deid.study import layout, publishing


def notebook() -> dict:
    outputs = [{"output_type": "stream", "name": "stderr", "text": ["a warning in /home/person"]},
               {"output_type": "stream", "name": "stdout", "text": ["0.043"]}]  # fmt: skip
    metadata = {"papermill": {"duration": 1}, "tags": ["parameters"]}
    code = {"cell_type": "code", "id": "a", "metadata": metadata,
            "execution_count": 1, "source": ["print(0.043)"], "outputs": outputs}  # fmt: skip
    text = {"cell_type": "markdown", "id": "b", "metadata": {}, "source": ["text"]}
    metadata = {"papermill": {"input_path": "/home/person/x"}, "kernelspec": {"name": "python3"}}
    return {"metadata": metadata, "cells": [code, text],
            "nbformat": 4, "nbformat_minor": 5}  # fmt: skip


def test_metadata_and_warnings_go_and_results_stay(tmp_path):
    path = tmp_path / "07.ipynb"
    path.write_text(json.dumps(notebook()))
    assert publishing.main([str(path)]) == 0
    found = json.loads(path.read_text())
    assert found["metadata"] == {"kernelspec": {"name": "python3"}} and found["nbformat_minor"] == 4
    code, text = found["cells"]
    assert code["metadata"] == {"tags": ["parameters"]} and code["source"] == ["print(0.043)"]
    assert [output["text"] for output in code["outputs"]] == [["0.043"]] and text["source"] == ["text"]


def test_a_folder_of_the_machine_is_named(tmp_path, capsys):
    path, told = tmp_path / "07.ipynb", notebook()
    told["cells"][1]["source"] = [f"see {Path.cwd().resolve()}/data"]
    path.write_text(json.dumps(told))
    assert publishing.main([str(path)]) == 1 and "still names" in capsys.readouterr().err


def test_bars_go_and_links_lead_to_pages_of_the_report_only():
    told = notebook()
    bar = {"output_type": "display_data", "data": {layout.WIDGET: {"model_id": "1"}}}
    told["cells"][0]["outputs"].append(bar)
    told["cells"][1]["source"] = "[03](03_facial_inpainting.ipynb), [a](../docs/a.md), [my](mine.ipynb)"
    told["metadata"]["widgets"] = {"state": {}}
    found = publishing.cleaned(told)
    assert bar not in found["cells"][0]["outputs"] and "widgets" not in found["metadata"]
    assert found["cells"][1]["source"] == ["[03](03_facial_inpainting.html), a, [my](mine.ipynb)"]
