"""One line for a person, on any console."""

import io

import pytest

from deid.terminal import Console, printable, watched


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("写真.jpg", "utf-8", "写真.jpg"),
        ("写真.jpg", "cp1252", r"\u5199\u771f.jpg"),
        ("caf\udce9.jpg", "utf-8", r"caf\udce9.jpg"),
        ("a\x1b[2J\r\nb", "utf-8", r"a\x1b[2J\r\nb"),
        ("Screenshot\u202fPM", "ascii", r"Screenshot\u202fPM"),
    ],
)
def test_every_name_is_shown_in_one_line(text, encoding, shown):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    console = Console(stream)
    console.write(printable(text))
    console.flush()
    assert stream.buffer.getvalue().decode(encoding) == shown


def test_a_console_takes_bars_and_letters_that_it_cannot_show():
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True)
    Console(stream).write("50%|█| caf\udce9\r")
    assert stream.buffer.getvalue() == rb"50%|\u2588| caf\udce9" + b"\r"
    assert not Console(stream).isatty()


def test_a_console_that_is_gone_or_never_was_takes_everything():
    closed = io.StringIO()
    closed.close()
    for console in (Console(closed), Console(None)):
        assert console.write("a") == 1
        console.flush()


def test_a_file_a_pipe_and_nothing_are_not_watched():
    closed = io.StringIO()
    closed.close()
    assert not any(map(watched, (io.StringIO(), closed, Console(None))))
