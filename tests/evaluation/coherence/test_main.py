"""The command line prints both measurements."""

import json

from deid.evaluation.coherence.__main__ import main


def test_ranks_are_printed_beside_chance(crops, capsys):
    folder = crops.paths[0].parents[1]
    assert main(["ranks", str(folder), "--faces", "3", "--probes", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and "3 faces" in lines[0] and "in other light" in lines[5]
    assert lines[4].split() == ["chance", "median", "rank", "2,", "first", "33.3%"]


def test_groups_are_printed_for_each_choice_of_weights(library_path, tmp_path, capsys):
    kinds = ("child", "teenager", "elderly", "beard", "glasses", "sunglasses")
    labels = {name: [] for name in kinds} | {"woman": ["P001-neutral", "P001-portrait"]}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    arguments = ["groups", str(library_path), "--labels", str(tmp_path / "labels.json"), "--share", "0.1"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert text.count("same age") == 6 and "kind alone" in text


def test_errors_are_one_sentence(tmp_path, capsys):
    assert main(["groups", str(tmp_path / "nowhere")]) == 1
    assert main(["ranks", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("error: ") == 2
