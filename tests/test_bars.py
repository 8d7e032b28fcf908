"""Bars on a terminal, plain lines in a file."""

import io

import pytest

from deid import bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def unsilenced(monkeypatch):
    """The tests' own switch for bars is off, and no line waits for the next."""
    monkeypatch.setattr(bars, "EVERY", 0.0)


def fill(stream, monkeypatch) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    with bars.bar(total=3, desc="drawing", unit="frame", disable=False) as shown:
        for _ in range(3):
            shown.update()
        bars.say("one is done", stream)
    return stream.getvalue()


def test_a_file_gets_plain_lines(monkeypatch, unsilenced):
    said = fill(io.StringIO(), monkeypatch).splitlines()
    assert said[-1] == "one is done" and said[-2] == "drawing: 3 of 3 frames"
    assert not any("\r" in line or "|" in line for line in said)


def test_a_terminal_gets_a_bar(monkeypatch, unsilenced):
    said = fill(Terminal(), monkeypatch)
    assert "100%|" in said and "\r" in said and "one is done\n" in said


def test_a_short_work_needs_no_line(monkeypatch):
    assert fill(io.StringIO(), monkeypatch) == "one is done\n"


def test_a_name_is_said_in_one_line(capsys):
    bars.say("two\nlines\x1b[2J")
    assert capsys.readouterr().out == "two\\nlines\\x1b[2J\n"
