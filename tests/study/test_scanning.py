"""Published pictures hold nothing but pictures, inside pages and notebooks as well."""

import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from deid.study import scanning

ROOT = Path(__file__).parents[2]


def png(text: str = "") -> bytes:
    more, file = PngImagePlugin.PngInfo(), io.BytesIO()
    if text:
        more.add_text("Author", text)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=more)
    return file.getvalue()


def page(content: bytes) -> bytes:
    return b"<img src='data:image/png;base64," + base64.b64encode(content) + b"'>"


def notebook(content: bytes) -> bytes:
    shown = {"output_type": "display_data", "data": {"image/png": base64.encodebytes(content).decode()}}
    return json.dumps({"cells": [{"cell_type": "code", "outputs": [shown]}]}).encode()


def pasted(content: bytes) -> bytes:
    """A notebook into whose text a picture was pasted."""
    attached = {"image.png": {"image/png": base64.b64encode(content).decode()}}
    cell = {"cell_type": "markdown", "source": ["![](attachment:image.png)"], "attachments": attached}
    return json.dumps({"cells": [cell]}).encode()


def broken(content: bytes) -> bytes:
    """A notebook with a page among its outputs, whose picture has line breaks."""
    text = f"<img src='data:image/png;charset=utf-8;base64,{base64.encodebytes(content).decode()}'>"
    shown = {"output_type": "display_data", "data": {"text/html": text.splitlines(keepends=True)}}
    return json.dumps({"cells": [{"cell_type": "code", "outputs": [shown]}]}).encode()


def written(content: bytes) -> bytes:
    """A notebook whose text shows a picture."""
    return json.dumps({"cells": [{"cell_type": "markdown", "source": [page(content).decode()]}]}).encode()


@pytest.mark.parametrize(
    ("name", "make"),
    [("a.png", bytes), ("a.html", page), ("A.HTM", page)]
    + [("a.ipynb", make) for make in (notebook, written, pasted, broken)],
)
def test_a_picture_is_found_wherever_it_is_published(tmp_path, capsys, name, make):
    (tmp_path / name).write_bytes(make(png()))
    assert scanning.main([str(tmp_path)]) == 0
    assert "1 pictures, 0 that" in capsys.readouterr().out
    (tmp_path / name).write_bytes(make(png("Ann")))
    assert scanning.main([str(tmp_path)]) == 1
    assert f"{tmp_path / name}: text Author: Ann" in capsys.readouterr().out


def test_what_is_not_there_is_no_success(tmp_path, capsys):
    assert scanning.main([str(tmp_path / "missing")]) == 2 and scanning.main([]) == 2
    assert "missing" in capsys.readouterr().err


def test_all_that_this_project_publishes_is_clean(capsys):
    folders = [str(ROOT / name) for name in ("reports", "media", "notebooks", "docs", "README.md")]
    assert scanning.main(folders) == 0
    assert int(capsys.readouterr().out.split()[0]) > 100


def test_what_cannot_be_decoded_is_no_picture(tmp_path, capsys):
    (tmp_path / "a.html").write_text("<img src='data:image/png;base64,AAAAA'>")
    assert scanning.main([str(tmp_path)]) == 1 and "a.html: no picture" in capsys.readouterr().out
