"""Bars are there for people, and silent where tests and published runs ask for it."""

import pytest

from deid.study import bars


@pytest.mark.parametrize("setting, silent", [("1", True), ("0", False), ("", False)])
def test_bars_are_silent_where_that_is_asked_for(setting, silent, monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", setting)
    assert list(bars.tqdm(range(3), "steps")) == [0, 1, 2]
    assert ("steps: 100%" not in capsys.readouterr().err) == silent


def test_a_notebooks_widget_is_silent_too(monkeypatch):
    """tqdm's own class for notebooks shows itself whatever TQDM_DISABLE says."""
    notebook = pytest.importorskip("tqdm.notebook")
    pytest.importorskip("ipywidgets")
    shown = []
    monkeypatch.setattr(notebook, "display", shown.append)
    monkeypatch.setattr(bars.auto, "tqdm", notebook.tqdm)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert list(bars.tqdm(range(3))) == [0, 1, 2] and not shown
    monkeypatch.setenv("TQDM_DISABLE", "")
    assert list(bars.tqdm(range(3))) == [0, 1, 2] and shown
