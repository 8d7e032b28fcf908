"""Parameters of another type than declared are refused, with the fix; in a real notebook, too."""

import os
import sys
from pathlib import Path

import pytest

from deid.study.parameters import ParameterError, begin, check_names, check_types

CELL = """\
weights: str = "onepass-128"  # text
count: int = 12  # a whole number
share: float = 0.5  # a number
fresh: bool = True  # yes or no
crops: list = ["a", "b"]  # several
changes: dict = {}  # settings
"""


def namespace(cell: str = CELL, **given) -> dict:
    """The ``globals()`` of a notebook after its parameters cell and papermill's."""
    found: dict = {"__name__": "__main__"}
    exec(compile(cell, "<cell>", "exec"), found)
    return found | given


def test_defaults_have_their_types():
    check_types(namespace())


def test_a_whole_number_is_accepted_for_a_float():
    check_types(namespace(share=1))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("fresh", "false", "'false' is text, and True or False is wanted; with papermill: -p fresh False"),
        ("fresh", "yes", "'yes' is text, and True or False is wanted; with papermill: -p fresh True"),
        ("fresh", 0, "0 is a whole number, and True or False is wanted; with papermill: -p fresh False"),
        ("count", "many", "'many' is text, and a whole number is wanted; with papermill: -p count 3"),
        ("count", 12.0, "12.0 is a number, and a whole number is wanted; with papermill: -p count 12"),
        ("count", True, "True is True or False, and a whole number is wanted; with papermill: -p count 1"),
        ("share", "0,5", "'0,5' is text, and a number is wanted; with papermill: -p share 0.5"),
        ("share", False, "False is True or False, and a number is wanted; with papermill: -p share 0.0"),
        ("weights", 64, "64 is a whole number, and text is wanted; with papermill: -r weights 64"),
        ("weights", None, "None is nothing, and text is wanted; with papermill: -r weights TEXT"),
        ("crops", "a", "'a' is text, and a list is wanted; with papermill: -y 'crops: [one, two]'"),
        (
            "changes",
            [],
            "[] is a list, and a dictionary is wanted; with papermill: -y 'changes: {key: value}'",
        ),
    ],
)
def test_another_type_is_refused_with_the_fix(name, value, told):
    with pytest.raises(ParameterError) as caught:
        check_types(namespace(**{name: value}))
    assert str(caught.value) == f"{name}: {told}"
    assert isinstance(caught.value, ValueError)


def test_annotations_may_be_text_or_say_what_is_inside():
    cell = "from __future__ import annotations\nfresh: bool = True\ncrops: list[str] = []\n"
    check_types(namespace(cell))
    check_types(namespace("crops: list[str] = []\nchanges: 'dict[str, int]' = {}\n"))
    with pytest.raises(ParameterError, match="-p fresh False"):
        check_types(namespace(cell, fresh="false"))


def test_a_name_that_the_cell_does_not_declare_is_refused_with_all_that_it_does():
    def given(cell: str) -> dict:
        return namespace(In=["", CELL, f"# Parameters\n{cell}\n", "begin(globals())"])

    check_names(given("count = 3\nshare = 1"))
    with pytest.raises(ParameterError) as caught:
        check_names(given("count = 3\nfrech = False"))
    known = "weights, count, share, fresh, crops, changes"
    assert str(caught.value) == f"frech: no parameter of this notebook, did you mean fresh? known are {known}"
    with pytest.raises(ParameterError, match=f"foto: no parameter of this notebook; known are {known}"):
        begin(given("foto = 'x.jpg'"))
    check_names(namespace(In=["", CELL, "own = 3  # a cell of a reader"]))


def test_where_annotations_are_lazy_the_cells_are_read():
    """A kernel on Python 3.14: no ``__annotations__``, and a function that knows the last statement alone."""
    lazy = {"In": ["", CELL, "%matplotlib inline", "fresh = 'false'"], "fresh": "false"}
    values = {name: value for name, value in namespace().items() if not name.startswith("__")}
    check_types(values | {"In": lazy["In"]})
    with pytest.raises(ParameterError, match="-p fresh False"):
        check_types(values | lazy)


def test_a_name_without_a_value_and_a_type_that_is_none_are_refused():
    with pytest.raises(ParameterError, match="count: declared, but it has no value"):
        check_types(namespace("count: int\n"))
    with pytest.raises(ParameterError, match="count: .* is no type"):
        check_types(namespace("count: 'number' = 3\n"))


def test_a_notebook_without_annotations_has_nothing_to_check():
    check_types({"x": 3})


@pytest.mark.slow
def test_papermill_is_stopped_by_the_text_false(tmp_path, monkeypatch):
    """The real kernel, and parameters as papermill's command line hands them over."""
    papermill, nbformat = pytest.importorskip("papermill"), pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    new = nbformat.v4
    parameters = new.new_code_cell(CELL, metadata={"tags": ["parameters"]})
    check = new.new_code_cell("from deid.study.parameters import begin\nbegin(globals())")
    notebook = new.new_notebook(cells=[parameters, check])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "in.ipynb")

    def run(**given) -> None:
        papermill.execute_notebook(
            tmp_path / "in.ipynb", tmp_path / "out.ipynb", given, kernel_name="python3", progress_bar=False
        )

    run(fresh=False, count=3)
    with pytest.raises(papermill.PapermillExecutionError, match="-p fresh False"):
        run(fresh="false")
    with pytest.raises(papermill.PapermillExecutionError, match="did you mean weights"):
        run(weight="onepass-128")


def test_a_notebook_works_in_its_folder_from_wherever_it_is_called(tmp_path, monkeypatch):
    notebooks = Path(__file__).parents[2] / "notebooks"
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    begin(namespace())
    assert Path.cwd() == notebooks
    (tmp_path / "media").mkdir()  # as /media on many systems
    monkeypatch.chdir(tmp_path / "work")
    begin(namespace())
    assert Path.cwd() == notebooks
    (tmp_path / "media" / "sample.jpg").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "work")  # another study, with photos of its own beside it
    begin(namespace())
    assert Path.cwd() == tmp_path / "work"
    with pytest.raises(ParameterError):
        begin(namespace(fresh="false"))
