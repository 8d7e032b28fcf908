"""Boxes files: as people write them, as ``--review`` does, and with everything wrong with them."""

import json

import pytest

from deid.anonymization import wishes
from deid.anonymization.wishes import UsageError, Wish


def written(folder, content) -> dict[str, wishes.Wishes]:
    (folder / "boxes.json").write_text(json.dumps(content))
    return wishes.read(folder / "boxes.json")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000])
def test_boxes_that_are_no_json_are_refused(tmp_path, content):
    (tmp_path / "boxes.json").write_bytes(content)
    with pytest.raises(UsageError, match="not a readable JSON file"):
        wishes.read(tmp_path / "boxes.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_boxes_are_read_as_editors_write_them(tmp_path, encoding):
    (tmp_path / "boxes.json").write_bytes('{"Zoë.jpg": [[1, 2, 3, 4]]}'.encode(encoding))
    ((name, asked),) = wishes.read(tmp_path / "boxes.json").items()
    assert (name, asked.given) == ("Zoë.jpg", [[1, 2, 3, 4]])


@pytest.mark.parametrize(
    "box", [[True, 0, 9, 9], [0, 0, 10**400, 0.5], [0, 0, float("inf"), 9], [0, 0, 9, "9"]]
)
def test_numbers_that_are_no_pixels_are_no_box(tmp_path, box):
    (tmp_path / "boxes.json").write_text(json.dumps({"a.jpg": [box]}))
    with pytest.raises(UsageError, match=r"a\.jpg: .* is not a box"):
        wishes.read(tmp_path / "boxes.json")


def test_boxes_of_one_photo_in_two_places_are_refused(tmp_path):
    (tmp_path / "boxes.json").write_text('{"a.jpg": [[1, 2, 30, 40]], "a.jpg": []}')
    with pytest.raises(UsageError, match=r"boxes\.json: .*a\.jpg is named 2 times"):
        wishes.read(tmp_path / "boxes.json")


def test_plain_boxes_are_faces_to_replace_and_nothing_is_asked_without_a_file(tmp_path):
    (asked,) = written(tmp_path, {"a.jpg": [[1, 2, 30, 40]]}).values()
    assert asked.faces == [Wish((1, 2, 30, 40), "replace")] and asked.regions == []
    assert wishes.read(None) == {}


def test_a_face_may_stay_and_a_region_is_black_unless_something_else_is_asked(tmp_path):
    content = {"faces": [[1, 2, 30, 40], {"box": [5, 6, 70, 80], "do": "keep", "number": 2, "score": 0.9}]}
    content["regions"] = [[9, 9, 20, 20], {"box": [1, 1, 50, 20], "hide": "blur"}]
    (asked,) = written(tmp_path, {"a.jpg": content}).values()
    assert [wish.do for wish in asked.faces or []] == ["replace", "keep"]
    assert [wish.do for wish in asked.regions] == ["blackout", "blur"]


def test_with_regions_alone_the_detector_decides_about_faces(tmp_path):
    (asked,) = written(tmp_path, {"a.jpg": {"regions": [[1, 2, 30, 40]]}}).values()
    assert asked.faces is None and len(asked.regions) == 1
    (none,) = written(tmp_path, {"a.jpg": {"faces": []}}).values()
    assert none.faces == [], "an empty list is a decision"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "None is not a box"),
        ({"face": []}, "'face' is not known here; known are faces, regions"),
        ({"faces": [{"box": [1, 2, 3, 4], "doo": "keep"}]}, "'doo' is not known here"),
        ({"faces": [{"box": [1, 2, 3, 4], "do": "leave"}]}, "do must be one of replace, blackout, keep"),
        ({"faces": [{"do": "keep"}]}, "None is not a box"),
        (
            {"regions": [{"box": [1, 2, 3, 4], "hide": "keep"}]},
            "hide must be one of blackout, pixelate, blur",
        ),
        ({"regions": "all"}, "all is not a box"),
    ],
)
def test_a_word_that_is_not_known_hides_nothing_unsaid(tmp_path, content, message):
    """Whoever writes "doo" would otherwise believe that a face stays, or is hidden."""
    with pytest.raises(UsageError, match=rf"boxes\.json: a\.jpg: .*{message}"):
        written(tmp_path, {"a.jpg": content})
