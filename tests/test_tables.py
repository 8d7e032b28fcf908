"""The README's table is the published numbers, and nothing else."""

import json
from pathlib import Path

import pytest

from deid import tables

ROOT = Path(__file__).parents[1]
METRICS = {
    "people": 300,
    "judge": {"name": "dlib", "accuracy": 0.9912},
    "cases": {
        "original": {"fixed": {"rank-1": [0.97, 0.95, 0.99]}},
        "onepass verify=yes": {"fixed": {"rank-1": [0.01, 0.0, 0.02]}},
        "onepass": {
            "fixed": {"rank-1": [0.021, 0.01, 0.04]}, "adaptive": {"rank-1": [0.05, 0.03, 0.08]},
            "usefulness": {"still detected": [1.0, 1.0, 1.0], "landmark error": [0.034, 0.03, 0.04],
                           "Frechet distance": 0.00213, "seconds a photo": 0.12},
        },
    },
}  # fmt: skip


def test_a_row_a_case_and_nothing_invented():
    head, _, original, checked, onepass, _, note = tables.table(METRICS).splitlines()
    assert original == "| original | 97.0 % (95.0 to 99.0) | not run | - | - | - | - |"
    assert checked.startswith("| **onepass verify=yes**: the tool's default | 1.0 % (0.0 to 2.0) | not run")
    shares = "2.1 % (1.0 to 4.0) | 5.0 % (3.0 to 8.0) | 100.0 % (100.0 to 100.0)"
    assert onepass == f"| onepass | {shares} | 0.034 | 0.00213 | 0.12 |"
    assert head.count("|") == onepass.count("|") and "300 people" in note and "99.12%" in note and "0.33%" in note


def test_the_command_writes_the_table_and_notices_another(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"07": METRICS}))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    given = [str(tmp_path / "metrics.json"), str(readme)]
    assert tables.main([*given, "--check"]) == 1 and "old" in readme.read_text()
    assert tables.main(given) == 0 and tables.main([*given, "--check"]) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text and "onepass" in text
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="needs the lines"):
        tables.main(given)


def test_the_readme_shows_the_published_run():
    metrics = ROOT / "reports" / "full" / "metrics.json"
    if "07" not in json.loads(metrics.read_text()):
        pytest.skip("the evaluation was not published yet: reports/full has no run of notebook 07")
    assert tables.main([str(metrics), str(ROOT / "README.md"), "--check"]) == 0
