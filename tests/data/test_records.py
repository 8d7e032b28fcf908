"""Lines of an index: what a dataset writes is read, and anything else is refused."""

import copy
import json
from pathlib import Path

import pytest

from deid.data import records

FACE = {
    "box": [10.0, 8, 60.0, 70.0],
    "score": 0.99,
    "landmarks": [[24.0, 30.0], [46.0, 31.0], [35.0, 42.0], [26.0, 54.0], [45.0, 55.0]],
    "crop": "crops/deeper/a.jpg-0.png",
}
RECORD = {"source": "deeper/a.jpg", "size": [96, 80], "faces": [FACE]}


def test_what_a_dataset_writes_is_read():
    small = {name: value for name, value in FACE.items() if name != "crop"} | {"dropped": "too small"}
    unreadable = {"source": "b.jpg", "faces": [], "dropped": "unreadable", "error": "b.jpg: broken"}
    for record in (RECORD, RECORD | {"faces": [FACE, small]}, unreadable):
        assert records.parse(json.dumps(record).encode()) == record


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("box", None), ("box", [1, 2, 3]), ("box", [1, 2, 3, float("nan")]), ("box", [1, 2, 3, 10**400]),
        ("box", [True, 2, 3, 4]), ("score", "high"), ("score", None), ("landmarks", FACE["landmarks"][:4]),
        ("landmarks", [[1, 2]] * 4 + [[1, "2"]]), ("landmarks", 5), ("dropped", "and a crop"), ("crop", None),
        ("crop", "../a.png"), ("crop", "crops/../../a.png"), ("crop", "/etc/a.png"), ("crop", "crops"),
        ("crop", "crops/a\0.png"), ("crop", ["crops/a.png"]),
    ],
)  # fmt: skip
def test_a_face_that_is_none_is_refused(name, wrong):
    record = copy.deepcopy(RECORD)
    record["faces"][0][name] = wrong
    with pytest.raises(ValueError, match="a face that is none"):
        records.parse(json.dumps(record).encode())


WITHOUT_END = b"[" * 100_000
NO_RECORDS = [b"null", b"[]", b"{}", b"{", b"\xff", WITHOUT_END, b'{"source": 1, "faces": []}']
NO_RECORDS += [b'{"source": "a", "faces": {}}', b'{"source": "a", "faces": [], "dropped": []}']


@pytest.mark.parametrize("line", NO_RECORDS)
def test_a_line_that_is_no_record_is_refused(line):
    with pytest.raises(ValueError):
        records.parse(line)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("a.jpg-0.png", True), ("b.TIFF-12.png", True), (".partial-x1", True),
        ("a.jpg-.png", False), ("a.txt-0.png", False), ("holiday.png", False), ("a.jpg-0.jpg", False),
    ],
)  # fmt: skip
def test_crops_are_known_by_their_names(name, ours):
    assert records.is_ours(Path("crops") / name) == ours
