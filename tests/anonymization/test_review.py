"""Before anything is hidden: pictures with numbered boxes, and a file to edit and hand over."""

import json
import shutil

import pytest
from PIL import Image

from deid.__main__ import main
from deid.anonymization import batch, review
from deid.anonymization.wishes import UsageError

QUICK = ["--method", "blackout", "--no-verify"]


@pytest.fixture
def photos(sample_path, portraits, tmp_path):
    """A folder with the sample photo, a portrait, and a file that is no photo."""
    portraits(tmp_path / "in", 1)
    shutil.copy(sample_path, tmp_path / "in" / "two.jpg")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path / "in"


def test_what_is_written_can_be_edited_and_handed_over(photos, tmp_path, capsys):
    assert main([str(photos), "-o", str(tmp_path / "look"), "--review"]) == 1, "one file is broken"
    assert "broken.jpg" in capsys.readouterr().err
    left = sorted(path.name for path in (tmp_path / "look").iterdir() if not path.name.startswith("."))
    assert left == ["boxes.json", "portrait-00.jpg.review.jpg", "two.jpg.review.jpg"], "nothing is anonymized"
    pictures = tmp_path / "look" / "two.jpg.review.jpg", photos / "two.jpg"
    with Image.open(pictures[0]) as overlay, Image.open(pictures[1]) as photo:
        assert overlay.size == photo.size and overlay.tobytes() != photo.tobytes()
    text = (tmp_path / "look" / "boxes.json").read_text()
    given = json.loads(text)
    first, second = given["two.jpg"]["faces"]
    assert first["number"] == 1 and "mtcnn" in first["found_by"] and first["do"] == "replace"
    assert text.count("\n") < 20, "a line for each face"
    first["do"] = "keep"
    given["two.jpg"]["regions"] = [[5, 5, 60, 40]]
    (tmp_path / "look" / "boxes.json").write_text(json.dumps(given))
    (photos / "broken.jpg").unlink()
    handed = ["--boxes", str(tmp_path / "look" / "boxes.json")]
    assert main([str(photos), "-o", str(tmp_path / "out"), *QUICK, *handed]) == 0
    record = json.loads((tmp_path / "out" / "two.jpg.json").read_text())
    assert len(record["faces"]) == 1 and len(record["faces_left_as_asked"]) == 1
    assert record["regions"] == [{"box": [5, 5, 60, 40], "hide": "blackout"}]
    assert record["faces"][0]["box"] == pytest.approx(second["box"], abs=0.1)
    assert "1 left as asked, 1 region hidden" in capsys.readouterr().out
    assert main([str(photos), "-o", str(tmp_path / "out"), *QUICK, *handed]) == 0
    assert "done by an earlier run" in capsys.readouterr().out


def test_an_edited_file_is_not_written_over(photos, tmp_path, capsys):
    (photos / "broken.jpg").unlink()
    again = [str(photos), "-o", str(tmp_path / "look"), "--review"]
    assert main(again) == 0
    (tmp_path / "look" / "boxes.json").write_text("{}")
    assert main(again) == 2 and "may have been edited" in capsys.readouterr().err
    assert (tmp_path / "look" / "boxes.json").read_text() == "{}"
    assert main([*again, "--overwrite"]) == 0
    with pytest.raises(UsageError, match="may have been edited"):
        review.refuse_edited(tmp_path / "look", False)


def test_its_pictures_are_no_inputs_of_a_later_run(photos, tmp_path):
    (photos / "broken.jpg").unlink()
    assert main([str(photos), "-o", str(photos / "look"), "--review"]) == 0
    assert batch.is_result(photos / "look" / "two.jpg.review.jpg", photos / "look")
    assert main([str(photos), "-o", str(photos / "look"), *QUICK]) == 0
    assert (
        not (photos / "look" / "look").exists() and not (photos / "look" / "two.jpg.review.jpg.json").exists()
    )
