"""The tables in README.md and docs/ are the published numbers, and nothing else."""

import copy
import json
from pathlib import Path

import pytest

from deid.evaluation import tables

ROOT = Path(__file__).parents[2]


def metrics_of(*runs):
    return [ROOT / "reports" / run / "metrics.json" for run in runs]


EARLIER = metrics_of("earlier", "references", "references/mobilefacenet", "stronger")
PROOFS = metrics_of("full", "references/mobilefacenet")


def test_a_table_is_markdown_and_says_who_judged(numbers):
    head, line, *rows, empty, note = tables.table("short", numbers).splitlines()
    assert len(rows) == 5 and not empty and {row.count("|") for row in (head, line, *rows)} == {6}
    assert "300 people" in note and "dlib (99.12%)" in note and "0.33%" in note
    assert rows[3].startswith("| **the tool's default** | ")
    assert "the worst of" in note and "mobilefacenet (not tested)" in note
    numbers["judges"].pop("mobilefacenet")
    assert "judged by dlib (99.12%" in tables.table("short", numbers)


def test_a_table_with_a_detectors_column_has_its_control(numbers):
    numbers["control"] = {"AUC": [0.562, 0.51, 0.6]}
    assert "AUC 0.5" not in tables.table("all", numbers)
    numbers["cases"]["reference"]["told"] = {"AUC": [0.987, 0.979, 0.994]}
    assert tables.table("all", numbers).endswith("pasted back: 0.56 (0.51 to 0.60).")


def test_the_command_fills_what_the_file_has_and_notices_another(numbers, tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"08": numbers}))
    readme, given = tmp_path / "README.md", [str(tmp_path / "metrics.json"), str(tmp_path / "README.md")]
    parts = [f"{tables.marker(kind)}\nstale\n{tables.END}\n" for kind in tables.KINDS]
    readme.write_text(f"before\n{'between'.join(parts)}after\n")
    assert tables.main([*given, "--check"]) == 1 and "stale" in readme.read_text()
    assert tables.main(given) == 0 and tables.main([*given, "--check"]) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text
    first, second, *_ = text.split("between")
    assert "weak blur" in first and "| reference |" not in first and "| reference |" in second


def test_runs_of_the_same_people_are_merged_judge_by_judge(numbers):
    by_dlib, later = copy.deepcopy(numbers), copy.deepcopy(numbers)
    later["cases"] = {"reference": {"fixed": {"another": {"rank-1": [0.5, 0.4, 0.6]}}}, "dcgan": {}}
    later |= {"judges": {"another": {}, "dlib": {}}, "control": {"AUC": [0.5, 0.4, 0.6]}}
    merged = tables.merged([by_dlib, later])
    assert list(merged["cases"]) == [*numbers["cases"], "dcgan"] and "control" in merged
    assert list(merged["cases"]["reference"]["fixed"]) == ["dlib", "mobilefacenet", "another"]
    assert merged["judges"]["dlib"]["accuracy"] == 0.9912, "a run without proof leaves it"
    with pytest.raises(ValueError, match="300 people and 12"):
        tables.merged([numbers, numbers | {"people": 12}])


def test_what_a_judge_is_worth_may_come_from_a_run_with_other_people(numbers):
    bare = copy.deepcopy(numbers) | {"judges": {"dlib": {}, "mobilefacenet": {}}}
    proofs = [numbers | {"people": 12}]
    assert tables.proven(bare, proofs)["judges"] == {"dlib": numbers["judges"]["dlib"], "mobilefacenet": {}}
    assert tables.proven(bare, [])["judges"] == bare["judges"] and bare["judges"]["dlib"] == {}


@pytest.mark.parametrize("text", ["no markers", f"{tables.marker('short')}\nhalf a pair\n"])
def test_a_file_without_markers_is_refused_and_stays(numbers, text, tmp_path, capsys):
    (tmp_path / "metrics.json").write_text(json.dumps({"08": numbers}))
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(SystemExit):
        tables.main([str(tmp_path / "metrics.json"), str(tmp_path / "README.md")])
    assert "README.md" in capsys.readouterr().err and (tmp_path / "README.md").read_text() == text


@pytest.mark.parametrize(
    ("name", "kinds", "runs"),
    [
        ("README.md", {"short"}, metrics_of("full")),
        ("docs/evaluation.md", {"goals", "all", "judges", "rates", "links"}, metrics_of("full")),
        ("docs/methods.md", {"all", "judges", "rates"}, EARLIER),
        ("docs/ablations.md", {"spread"}, metrics_of("ablations")),
    ],
)
def test_the_readme_and_the_docs_show_the_published_runs(name, kinds, runs):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert {kind for kind in tables.KINDS if tables.marker(kind) in text} == kinds
    proofs = map(str, PROOFS)
    assert tables.main([*map(str, runs), str(ROOT / name), "--check", "--proofs", *proofs]) == 0
