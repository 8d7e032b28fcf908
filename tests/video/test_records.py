"""What is said of a clip."""

import json

import numpy as np

from deid.anonymization.options import Options
from deid.video import records
from deid.video.disguises import Disguise
from deid.video.drawing import Role
from deid.video.engine import ClipResult
from deid.video.paths import Path
from deid.video.searching import Survey

SURVEY = Survey({}, [0, 12], 30, (320, 240), 25.0)
OPTIONS = Options(method="blur", verify=False)


def role(first=3, count=10, lost=4, **more):
    points = np.tile(np.array([[0.0, 0.0]] * 5 + [[10.0, 10.0], [50.0, 60.0]]), (count, 1, 1))
    path = Path(first, points, np.arange(count) < lost, 0.99)
    return Role(path, Disguise(**{"method": "blur", "mask": "face", "seed": 5} | more))


def test_a_record_says_where_each_track_was_and_what_hides_it():
    result = ClipResult([role(), role(method="blackout", reason="still recognised")], SURVEY, ["metadata"])
    entry = json.loads(json.dumps(records.clip_record(result, OPTIONS)))
    assert (entry["status"], entry["frames"], entry["shots"], entry["lost"]) == (
        "anonymized", 30, [0, 12], ["metadata"],
    )  # fmt: skip
    first, second = entry["tracks"]
    assert first["frames"] == [3, 13] and first["face_size"] == 50.0
    assert first["frames_covered_without_a_detection"] == 4
    assert (first["method"], first["mask"], first["seed"]) == ("blur", "face", 5)
    assert second["reason"] == "still recognised" and "reason" not in first
    assert entry["options"]["method"] == "blur" and entry["verification"] == "off"


def test_a_drawn_track_names_who_is_shown(library_path):
    options = Options("reference", weights=str(library_path))
    name = "openpeople/P001-neutral"
    result = ClipResult([role(method="reference", reference=name)], SURVEY, [])
    entry = records.clip_record(result, options)
    assert entry["tracks"][0]["reference"] == name
    assert entry["references"][name]["identity"] == "P001" and "MIT" in entry["references"][name]["licence"]


def test_a_summary_counts_what_became_of_the_tracks():
    black = role(method="blackout", reason="smaller than 16 px", lost=0)
    said = records.summary(ClipResult([role(), role(), black], SURVEY, ["metadata", "chapters"]))
    assert said == (
        "30 frames, 3 tracks: 2 blur, 1 blackout (smaller than 16 px); 8 faces in frames where the detector "
        "lost them; not written again: metadata, chapters"
    )
    assert records.summary(ClipResult([], SURVEY, [])).startswith("no face found")
