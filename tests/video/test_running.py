"""Clips at the command line: among photos, one by one, whole or not at all."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from deid import storage
from deid.__main__ import main
from deid.video.reading import Reader

from .conftest import gradient

QUICK = ["--method", "blackout", "--min-size", "36"]


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def test_a_folder_of_photos_and_clips(two_people, write_clip, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(two_people, folder / "deeper" / "clip.mp4")
    (folder / "broken.mov").write_bytes(two_people.read_bytes()[:900])
    (folder / "empty.mkv").touch()
    write_clip(folder / "faceless.avi", [gradient(k) for k in range(4)], codec="mpeg4")
    Image.new("RGB", (200, 150), "green").save(folder / "lawn.png")
    assert main([str(folder), "-o", str(out), *QUICK, "--keep-faceless"]) == 1
    written = sorted(
        p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file() and p.suffix != ".json"
    )
    assert written == ["deeper/clip.mp4", "faceless.mkv", "lawn.png"]
    said = capsys.readouterr()
    assert "damaged" in record(out, "broken.mov")["error"] and "broken.mov: not written: damaged" in said.err
    assert "empty.mkv: not written: an empty file" in said.err
    assert "clip.mp4: 9 frames, 2 tracks: 2 blackout" in said.out
    assert "not written again: metadata" in said.out
    assert not list(out.rglob(f"{storage.PARTIAL}*"))
    faceless = record(out, "faceless.mkv")
    assert (faceless["status"], faceless["written"], faceless["tracks"]) == ("no face found", True, [])


def test_the_manifest_names_each_track(two_people, tmp_path):
    out = tmp_path / "out"
    assert main([str(two_people), "-o", str(out), *QUICK]) == 0
    entry = record(out, two_people.name)
    assert (entry["status"], entry["written"], entry["size"], entry["frames"]) == (
        "anonymized",
        True,
        [320, 240],
        9,
    )
    assert [track["frames"] for track in entry["tracks"]] == [[0, 9], [0, 9]]
    assert {track["method"] for track in entry["tracks"]} == {"blackout"}
    assert all(track["frames_covered_without_a_detection"] == 0 for track in entry["tracks"])
    assert entry["result_sha256"] == storage.sha256(out / two_people.name)
    assert str(tmp_path) not in json.dumps(entry)


def test_a_second_run_passes_over_what_is_done(two_people, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(two_people), "-o", str(out), *QUICK]) == 0
    before = (out / two_people.name).stat().st_mtime_ns
    assert main([str(two_people), "-o", str(out), *QUICK]) == 0
    assert "done by an earlier run" in capsys.readouterr().out
    assert (out / two_people.name).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--method", "dcgan"], "--method dcgan is for photos"), (["--boxes"], "boxes are for photos")],
)
def test_what_is_for_photos_is_refused_with_a_sentence(two_people, tmp_path, capsys, more, said):
    if more == ["--boxes"]:
        boxes = tmp_path / "boxes.json"
        boxes.write_text(json.dumps({two_people.name: [[10, 10, 90, 90]]}))
        more = [*QUICK, "--boxes", str(boxes)]
    assert main([str(two_people), "-o", str(tmp_path / "out"), *more]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / two_people.name).exists()


ENDED = """
import os, signal, sys
from deid.__main__ import main
from deid.video.drawing import Painter

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
paint = Painter.paint

def paint_and_end(self, *given):
    self.count = getattr(self, "count", 0) + 1
    if self.count == 8:
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    return paint(self, *given)

Painter.paint = paint_and_end
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("how", "halves"), [("SIGKILL", 1), ("SIGINT", 0)])
def test_a_run_that_is_ended_leaves_no_half_clip(two_people, tmp_path, how, halves):
    out = tmp_path / "out"
    command = [sys.executable, "-c", ENDED, how, str(two_people), "-o", str(out), *QUICK]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == (-signal.SIGKILL if how == "SIGKILL" else 130), ended.stderr
    assert not (out / two_people.name).exists()
    left = list(out.glob(f"{storage.PARTIAL}*"))
    assert len(left) == halves
    for path in left:
        old = time.time() - storage.STALE - 60
        os.utime(path, (old, old))
    assert main([str(two_people), "-o", str(out), *QUICK]) == 0
    assert not list(out.glob(f"{storage.PARTIAL}*"))
    with Reader(out / two_people.name) as reader:
        assert len(list(reader.frames())) == 9
