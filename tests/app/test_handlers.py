import pytest

pytest.importorskip("gradio", reason="Gradio is not installed: pip install -e '.[app]'")

from deid.app import handlers, limits
from deid.app.limits import UploadError


def uploaded(folder, name: str, content: bytes) -> str:
    """A file as Gradio leaves it, in a folder of its own."""
    (folder / name).mkdir()
    path = folder / name / name
    path.write_bytes(content)
    return str(path)


def test_files_are_gone_once_they_are_read(tmp_path):
    paths = [uploaded(tmp_path, name, name.encode()) for name in ("a.jpg", "b.jpg")]
    assert handlers.received(paths) == [("a.jpg", b"a.jpg"), ("b.jpg", b"b.jpg")]
    assert not list(tmp_path.iterdir())


def test_refused_files_are_gone_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MEGABYTES", 0)
    with pytest.raises(UploadError, match="over the limit"):
        handlers.received([uploaded(tmp_path, "a.jpg", b"x")])
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_gone_already_is_asked_for_again(tmp_path):
    with pytest.raises(UploadError, match=r"a\.jpg: was not received whole"):
        handlers.received([str(tmp_path / "a.jpg")])
