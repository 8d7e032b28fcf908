"""The tables in README.md and docs/evaluation.md are the published numbers, and nothing else."""

import copy
import json
from pathlib import Path

import pytest

from deid.evaluation import tables

ROOT = Path(__file__).parents[2]
PUBLISHED = [ROOT / "reports" / run / "metrics.json" for run in ("full", "references")]
METRICS = {
    "people": 300,
    "judge": {"name": "dlib", "accuracy": 0.9912},
    "cases": {
        "original": {"fixed": {"rank-1": [0.97, 0.95, 0.99]}},
        "other person": {"fixed": {"rank-1": [0.0, 0.0, 0.01]}},
        "blackout": {"fixed": {"rank-1": [0.003, 0.0, 0.01]}},
        "blur strength=0.05": {"fixed": {"rank-1": [0.1, 0.08, 0.12]}},
        "blur strength=0.3": {"fixed": {"rank-1": [0.01, 0.0, 0.02]}},
        "reference verify=yes": {"fixed": {"rank-1": [0.01, 0.0, 0.02]}},
        "reference": {
            "fixed": {"rank-1": [0.021, 0.01, 0.04]},
            "adaptive": {"rank-1": [0.05, 0.03, 0.08]},
            "usefulness": {
                "still detected": [1.0, 1.0, 1.0],
                "landmark error": [0.034, 0.03, 0.04],
                "Frechet distance": 0.00213,
                "seconds a photo": 0.12,
            },
        },
    },
}


def published() -> dict:
    return tables.merged([json.loads(path.read_text())["08"] for path in PUBLISHED])


def test_the_full_table_has_a_row_a_case_and_nothing_invented():
    head, _, original, *_, checked, drawn, _, note = tables.full_table(METRICS).splitlines()
    assert original == "| original | 97.0 % (95.0 to 99.0) | not run | - | - | - | - |"
    assert checked.startswith("| **reference verify=yes**: the tool's default | 1.0 % (0.0 to 2.0) | not run")
    shares = "2.1 % (1.0 to 4.0) | 5.0 % (3.0 to 8.0) | 100.0 % (100.0 to 100.0)"
    assert drawn == f"| reference | {shares} | 0.034 | 0.00213 | 0.12 |"
    assert head.count("|") == drawn.count("|")
    assert "300 people" in note and "99.12%" in note and "0.33%" in note


def test_the_short_table_has_five_rows_in_plain_words():
    _, _, *rows, _, _ = tables.short_table(METRICS).splitlines()
    labels = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert labels == ["original photos", "black faces", "weak blur", "**the tool's default**",
                      "the default without its check"]  # fmt: skip
    assert "10.0 % (8.0 to 12.0)" in rows[2] and "2.1 % (1.0 to 4.0) | 5.0 %" in rows[4]


def test_a_short_table_without_one_of_its_rows_is_refused():
    metrics = copy.deepcopy(METRICS)
    del metrics["cases"]["blackout"]
    with pytest.raises(ValueError, match="black faces"):
        tables.short_table(metrics)


def test_a_run_that_asked_a_detector_has_a_column_for_it():
    metrics = copy.deepcopy(METRICS) | {"control": {"AUC": [0.562, 0.51, 0.6]}}
    assert tables.TOLD not in tables.full_table(metrics)
    metrics["cases"]["reference"]["told"] = {"AUC": [0.987, 0.979, 0.994]}
    head, _, original, *_, drawn, _, note = tables.full_table(metrics).splitlines()
    place = head.split("|").index(f" {tables.TOLD} ")
    assert drawn.split("|")[place] == " 0.99 (0.98 to 0.99) " and drawn.endswith("| 0.12 |")
    assert original.split("|")[place] == " not run " and head.count("|") == original.count("|")
    assert note.endswith("pasted back: 0.56 (0.51 to 0.60).")


def test_a_judge_without_proof_is_said_to_have_none():
    metrics = METRICS | {"judge": {"name": "dlib", "accuracy": None}}
    assert "(not checked on LFW's pairs)" in tables.full_table(metrics)


def test_the_command_fills_what_the_file_has_and_notices_another(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"08": METRICS}))
    readme, given = tmp_path / "README.md", [str(tmp_path / "metrics.json"), str(tmp_path / "README.md")]
    parts = [f"{tables.marker(kind)}\nold\n{tables.END}\n" for kind in ("all", "short")]
    readme.write_text(f"before\n{parts[0]}between\n{parts[1]}after\n")
    assert tables.main([*given, "--check"]) == 1 and "old" in readme.read_text()
    assert tables.main(given) == 0 and tables.main([*given, "--check"]) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    first, second = text.split("between\n")
    assert "| reference |" in first and "| reference |" not in second and "weak blur" in second


def test_runs_are_merged_where_they_compare(tmp_path):
    later = METRICS | {
        "people": 300,
        "control": {"AUC": [0.5, 0.4, 0.6]},
        "cases": {"reference": {"fixed": {"rank-1": [0.5, 0.4, 0.6]}}, "dcgan": {}},
    }
    merged = tables.merged([METRICS, later])
    cases = merged["cases"]
    assert merged["control"] == later["control"] and merged["judge"] == METRICS["judge"]
    assert list(cases) == [*METRICS["cases"], "dcgan"]
    assert (
        cases["reference"] == METRICS["cases"]["reference"] | later["cases"]["reference"]
        and cases["original"] == METRICS["cases"]["original"]
    )
    with pytest.raises(ValueError, match="300 people judged by dlib, 12 by dlib"):
        tables.merged([METRICS, METRICS | {"people": 12}])


@pytest.mark.parametrize("text", ["no markers", f"{tables.marker('short')}\nhalf a pair\n"])
def test_a_file_without_markers_is_refused_and_stays(text, tmp_path, capsys):
    (tmp_path / "metrics.json").write_text(json.dumps({"08": METRICS}))
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(SystemExit):
        tables.main([str(tmp_path / "metrics.json"), str(tmp_path / "README.md")])
    assert "README.md" in capsys.readouterr().err and (tmp_path / "README.md").read_text() == text


def test_the_published_run_has_all_that_the_tables_show():
    cells = [row.split("|")[1:-1] for row in tables.short_table(published()).splitlines()[2:7]]
    assert len(cells) == 5 and not [cell for row in cells for cell in row if cell.strip() == "-"]
    assert len(tables.full_table(published()).splitlines()) == len(published()["cases"]) + 4


@pytest.mark.parametrize(("name", "kind"), [("README.md", "short"), ("docs/evaluation.md", "all")])
def test_the_readme_and_the_docs_show_the_published_run(name, kind):
    assert tables.marker(kind) in (ROOT / name).read_text(encoding="utf-8")
    assert tables.main([*map(str, PUBLISHED), str(ROOT / name), "--check"]) == 0


def test_the_page_of_the_stronger_judge_shows_its_run():
    run = ROOT / "reports" / "references" / "mobilefacenet" / "metrics.json"
    assert tables.main([str(run), str(ROOT / "docs" / "judges.md"), "--check"]) == 0
