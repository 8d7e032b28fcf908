"""One line for a person, on any console."""

from dataclasses import replace
from pathlib import Path

from deid.anonymization import pipeline, telling
from deid.anonymization.options import Options
from deid.photo.images import ImageError
from deid.storage import WriteError


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
    assert telling.warning(sample_faces).startswith("2 possible faces stay visible, they score")
    assert telling.warning(sample_faces).endswith("with --doubtful blackout")
    assert telling.warning(sample_faces, by_hand=True).endswith("with more boxes")


def test_doubtful_faces_are_counted_whatever_became_of_them(sample, sample_faces):
    found = [sample_faces[0], replace(sample_faces[1], score=0.8)]
    for doubtful, became in (("blackout", "blackout"), ("replace", "blur")):
        result = pipeline.anonymize(sample, Options("blur", doubtful=doubtful, verify=False), found)
        assert telling.summary(result, 0.9) in (
            f"2 faces: 1 blur, 1 {became} (doubtful)",
            f"2 faces: 1 {became} (doubtful), 1 blur",
        )


def test_after_a_folder_it_says_what_to_look_at():
    face, sure = {"score": 0.95}, {"options": {"min_score": 0.9}}
    records = {
        "fine.jpg": sure | {"faces": [face]},
        "lawn.jpg": sure | {"faces": []},
        "torn.jpg": {"error": "broken"},
        "two.jpg": sure | {"faces": [face, *[{"score": 0.8, "reason": "doubtful"}] * 2]},
        "replaced.jpg": sure | {"faces": [{"score": 0.8}]},
        "dark.jpg": sure | {"faces": [face | {"reason": "still recognised"}]},
        "left.jpg": sure | {"faces": [face], "doubtful_faces_left_visible": [face]},
    }
    assert telling.worth_a_look(records) == [
        "look at, no face found: lawn.jpg",
        "look at, doubtful faces hidden: two.jpg (2), replaced.jpg (1)",
        "look at, faces blacked out: dark.jpg (1)",
        "look at, possible faces stay visible: left.jpg (1)",
    ]
    many = {f"{k}.jpg": sure | {"faces": []} for k in range(23)}
    assert telling.worth_a_look(many)[0].endswith("19.jpg and 3 more")
    assert telling.worth_a_look({"fine.jpg": records["fine.jpg"]}) == []


def test_what_was_passed_over_is_counted():
    files = [Path(f"{k}.txt") for k in range(7)]
    assert telling.passed_over(files[:2]) == "not photos, left alone: 0.txt, 1.txt"
    assert telling.passed_over(files).endswith("4.txt and 2 more")
