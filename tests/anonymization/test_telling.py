"""One line for a person, on any console."""

import io
from pathlib import Path

import pytest

from deid.anonymization import pipeline, telling
from deid.anonymization.options import Options
from deid.photo.images import ImageError
from deid.storage import WriteError


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
    console = telling.Console(stream)
    console.write(telling.printable(text))
    console.flush()
    assert stream.buffer.getvalue().decode(encoding) == shown


def test_a_console_takes_bars_and_letters_that_it_cannot_show():
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True)
    telling.Console(stream).write("50%|█| caf\udce9\r")
    assert stream.buffer.getvalue() == rb"50%|\u2588| caf\udce9" + b"\r"
    assert not telling.Console(stream).isatty()


def test_a_console_that_is_gone_or_never_was_takes_everything():
    closed = io.StringIO()
    closed.close()
    for console in (telling.Console(closed), telling.Console(None)):
        assert console.write("a") == 1
        console.flush()


def test_a_reason_is_a_sentence_where_there_is_one():
    assert telling.reason(ImageError("a.jpg: broken")) == "a.jpg: broken"
    assert telling.reason(WriteError(28, "No space left", "a.jpg")).startswith("a.jpg: cannot be written (No")
    assert telling.reason(PermissionError(13, "Permission denied", "a.jpg")) == "a.jpg: Permission denied"
    assert telling.reason(MemoryError()) == "MemoryError: "


def test_a_manifest_holds_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = f"{tmp_path}/out/a.jpg and out/a.jpg and ../x and {tmp_path}/in/a.jpg"
    told = telling.without_folders(text, Path("out"), tmp_path / "in", Path("."))
    assert told == "a.jpg and a.jpg and ../x and a.jpg"
    others = f"{tmp_path}/cache/people.safetensors: no such library: see https://a.org/b/c and C:\\ann\\x.pt"
    told = telling.without_folders(others, Path("out"))
    assert told == "people.safetensors: no such library: see https://a.org/b/c and x.pt"


def test_results_and_doubts_are_told(sample, sample_faces):
    options = Options(method="blackout", verify=False)
    assert telling.summary(pipeline.anonymize(sample, options, sample_faces)) == "2 faces: 2 blackout"
    assert "does not mean" in telling.summary(pipeline.anonymize(sample, options, []))
    assert telling.warning(sample_faces, options).startswith("2 possible faces stay visible, they score")
    assert telling.warning(sample_faces, options).endswith("with --min-score below 0.9")
    assert telling.warning(sample_faces, options, by_hand=True).endswith("with more boxes")


def test_what_was_passed_over_is_counted():
    files = [Path(f"{k}.txt") for k in range(7)]
    assert telling.passed_over(files[:2]) == "not photos, left alone: 0.txt, 1.txt"
    assert telling.passed_over(files).endswith("4.txt and 2 more")
