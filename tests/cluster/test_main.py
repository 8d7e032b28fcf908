"""The command that measures how cost grows prints the tables of docs/scale.md."""

import os
import re
import sys
from pathlib import Path

import pytest

from deid.cluster import costs
from deid.cluster.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DEID_CLUSTER"), reason="measures for half a minute: make cluster")
def test_it_prints_the_rows_of_the_page(sample_path, own_library, capsys):
    assert main([str(sample_path), "--counts", "2", "4"]) == 0
    rows = re.findall(r"^\| ([^|]+) \|", capsys.readouterr().out, re.MULTILINE)
    text = PAGE.read_text(encoding="utf-8")
    assert {costs.PER_NAME, costs.PER_CROP, costs.PER_LINE, costs.PER_PHOTO} <= set(rows)
    assert not [row for row in rows if f"| {row} |" not in text]


def test_what_is_wrong_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["nothing.jpg", "--counts", "1", "--cluster", "auto"]) == 1
    assert "--cluster needs Ray" in capsys.readouterr().err
