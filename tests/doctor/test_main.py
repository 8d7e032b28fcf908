"""The doctor as a user meets them: a line for each finding, and an exit code."""

from deid.__main__ import main
from deid.doctor import checks
from deid.doctor.checks import Finding


def told(monkeypatch, capsys, *findings: Finding, options: tuple = ()) -> tuple[int, list[str]]:
    monkeypatch.setattr(checks, "findings", lambda: iter(findings))
    code = main(["doctor", *options])
    return code, capsys.readouterr().out.splitlines()[1:]


FINE = Finding("Python", checks.OK, "3.11")
MISSING = Finding("av", checks.ABSENT, "for clips", "pip install av")
BROKEN = Finding("torch", checks.BROKEN, "not installed", "pip install torch")


def test_what_is_absent_is_said_and_stops_nothing(monkeypatch, capsys):
    code, lines = told(monkeypatch, capsys, FINE, MISSING)
    assert code == 0
    assert lines[:3] == ["ok      Python: 3.11", "absent  av: for clips", "          -> pip install av"]
    assert "all that is needed is there; 1 optional" in lines[-1]


def test_what_is_broken_ends_with_one(monkeypatch, capsys):
    code, lines = told(monkeypatch, capsys, FINE, BROKEN, options=("--problems",))
    assert code == 1 and lines[0] == "broken  torch: not installed" and "1 things are broken" in lines[-1]
