"""The command line as a user meets it: files and manifests, exit codes, and what it refuses."""

import io
import json
import os
import shutil
import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from deid.__main__ import main
from deid.anonymization.batch import STARTED

QUICK = ["--method", "dcgan", "--starts", "8", "--iterations", "20"]


@pytest.fixture
def small(sample_path, tmp_path):
    """The sample photo at half size, with metadata that must not come through."""
    path = tmp_path / "in" / "two people.jpg"
    path.parent.mkdir()
    with Image.open(sample_path) as photo:
        half = photo.resize((photo.width // 2, photo.height // 2))
        exif = half.getexif()
        exif[0x010E] = "a secret description"
        half.save(path, quality=90, exif=exif, comment=b"a secret comment")
    return path


@pytest.fixture
def folder(portraits, tmp_path):
    """A folder with two portraits, a.jpg and z.jpg."""
    first, last = portraits(tmp_path / "in", 2)
    first.rename(first.with_name("a.jpg"))
    last.rename(last.with_name("z.jpg"))
    return tmp_path / "in"


def blacken(*arguments) -> int:
    """Run the fastest method."""
    return main([*map(str, arguments), "--method", "blackout", "--no-verify", "--min-size", "60"])


def manifest(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.slow
def test_one_photo_in_a_real_process(small, tmp_path):
    before, out = small.read_bytes(), tmp_path / "out"
    run = subprocess.run(
        [sys.executable, "-m", "deid", str(small), "-o", str(out), *QUICK, "--gif"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "1 of 1 photos written" in run.stdout
    assert small.read_bytes() == before, "the input is never changed"
    written = out / small.name
    with Image.open(small) as source, Image.open(written) as result:
        assert (result.size, result.format, result.quantization) == (source.size, "JPEG", source.quantization)
        assert not result.getexif()
        difference = np.abs(np.asarray(result, int) - np.asarray(source, int))
    assert b"secret" not in written.read_bytes()
    assert difference[-60:].mean() < 1, "far from the faces only the encoding differs"
    record = manifest(out, small.name)
    assert (record["status"], record["written"], record["size"]) == ("anonymized", True, [580, 360])
    assert len(record["faces"]) == 2
    assert set(record["weights_sha256"]) == {"dcgan-64.safetensors", "dcgan-64-discriminator.safetensors"}
    assert {"deid", "torch", "facenet-pytorch"} <= set(record["versions"])
    for face in record["faces"]:
        assert face["method"] == "dcgan"
        assert face["mask"] == record["options"]["mask"]
        assert len(face["box"]) == 4
        assert len(face["landmarks"]) == 5
        assert face["score"] > 0.9
        assert {"contextual", "perceptual", "prior", "total"} == set(face["losses"])
        assert face["seconds"] > 0
    assert len(iio.imread(out / f"{small.name}.gif")) >= 3


def test_unasked_the_tool_shows_people_of_the_library(small, tmp_path, own_library):
    out = tmp_path / "out"
    assert main([str(small), "-o", str(out)]) == 0
    record = manifest(out, small.name)
    assert {face["method"] for face in record["faces"]} == {"reference"}
    assert len({record["references"][face["reference"]]["identity"] for face in record["faces"]}) == 2
    assert record["weights_sha256"].keys() == {
        "onepass-128.safetensors",
        "refining.safetensors",
        own_library.name,
    }


def test_a_folder_keeps_its_tree_and_a_bad_photo_stops_no_other(small, tmp_path, capsys):
    folder, out = small.parent, tmp_path / "out"
    (folder / "deeper").mkdir()
    shutil.copy(small, folder / "deeper" / "again.jpg")
    (folder / "broken.jpg").write_bytes(small.read_bytes()[:2000])
    (folder / "notes.txt").write_text("not a photo")
    Image.new("RGB", (200, 150), "green").save(folder / "lawn.png")
    assert main([str(folder), "-o", str(out), "--method", "blackout"]) == 1
    written = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.suffix != ".json")
    assert written == ["deeper", "deeper/again.jpg", "two people.jpg"]
    assert "broken.jpg" in manifest(out, "broken.jpg")["error"]
    assert manifest(out, "lawn.png")["status"] == "no face found"
    assert manifest(out, "lawn.png")["written"] is False
    said = capsys.readouterr()
    assert "2 of 4 photos written" in said.out
    assert "notes.txt" in said.out + said.err
    assert not list(out.rglob(".partial*"))


def test_faceless_photos_are_written_only_when_asked(tmp_path):
    lawn, out = tmp_path / "lawn.png", tmp_path / "out"
    Image.new("RGB", (200, 150), "green").save(lawn)
    assert main([str(lawn), "-o", str(out), "--method", "blackout"]) == 1
    assert not (out / "lawn.png").exists()
    assert main([str(lawn), "-o", str(out), "--method", "blackout", "--keep-faceless"]) == 0
    assert (out / "lawn.png").exists()


def test_possible_faces_that_stay_visible_are_told(small, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [str(small), "-o", str(out), "--method", "blackout", "--min-score", "1"]
    assert main([*arguments, "--detector", "mtcnn", "--doubtful", "keep"]) == 1
    assert "2 possible faces stay visible, they score" in capsys.readouterr().err
    listed = manifest(out, small.name)["doubtful_faces_left_visible"]
    assert len(listed) == 2 and all(0.9 < face["score"] <= 1 and len(face["box"]) == 4 for face in listed)


def test_doubtful_faces_are_black_unasked_and_their_photo_is_named_at_the_end(small, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [str(small.parent), "-o", str(out), "--method", "blur", "--no-verify"]
    Image.new("RGB", (200, 150), "green").save(small.parent / "lawn.png")
    assert main([*arguments, "--min-score", "1", "--detector", "mtcnn"]) == 1
    said = capsys.readouterr().out
    assert f"{small}: 2 faces: 2 blackout (doubtful)" in said
    assert said.splitlines()[-3:-1] == [
        "look at, no face found: lawn.png",
        f"look at, doubtful faces hidden: {small.name} (2)",
    ]
    assert {face["reason"] for face in manifest(out, small.name)["faces"]} == {"doubtful"}


def test_own_boxes_decide_and_the_faces_outside_are_told(small, tmp_path, capsys):
    boxes, out = tmp_path / "boxes.json", tmp_path / "out"
    boxes.write_text(json.dumps({small.name: [[60, 40, 200, 200]]}))
    assert main([str(small), "-o", str(out), "--method", "blackout", "--boxes", str(boxes)]) == 0
    record = manifest(out, small.name)
    assert [face["box"] for face in record["faces"]] == [[60, 40, 200, 200]]
    assert "1 possible faces stay visible, they score 1.00 to 1.00" in (said := capsys.readouterr().err)
    assert "hide them too with more boxes" in said
    (visible,) = record["doubtful_faces_left_visible"]
    assert visible["box"][0] > 290, "the other person's face"
    pixels = np.asarray(Image.open(out / small.name))
    assert pixels[90:140, 130:150].max() < 12, "the box's face is black"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "must hold"),
        ("{", "not a readable JSON"),
        ('{"two people.jpg": [[5, 5, 1, 9]]}', "is not a box"),
        ('{"stranger.jpg": []}', "not among the inputs"),
    ],
)
def test_wrong_boxes_are_refused(small, tmp_path, capsys, content, message):
    boxes, out = tmp_path / "boxes.json", tmp_path / "out"
    boxes.write_text(content)
    assert main([str(small), "-o", str(out), *QUICK, "--boxes", str(boxes)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_an_input_is_never_overwritten(small, capsys):
    before = small.read_bytes()
    assert main([str(small), "-o", str(small.parent), *QUICK]) == 2
    assert "choose another output folder" in capsys.readouterr().err
    assert small.read_bytes() == before
    assert list(small.parent.iterdir()) == [small]


def test_two_inputs_never_share_an_output(small, tmp_path, capsys):
    other = tmp_path / "elsewhere" / small.name
    other.parent.mkdir()
    shutil.copy(small, other)
    assert main([str(small), str(other), "-o", str(tmp_path / "out")]) == 2
    assert "both become" in capsys.readouterr().err


def test_an_output_inside_the_input_folder_is_not_read_again(small):
    out = small.parent / "anonymized"
    for _ in range(2):
        assert main([str(small.parent), "-o", str(out), "--method", "blackout"]) == 0
    assert not (out / "anonymized").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.jpg"], "no such file"),
        (["--method", "dcgan", "--weights", "nothing"], "bundled are"),
        (["--weights", "nothing"], "nothing: no such library"),
        (["--weights", "onepass-128"], "a onepass network; use --method onepass with it"),
        (["--device", "tpu"], "device must be"),
        (["--iterations", "0"], "at least 1"),
        (["--min-score", "7"], "min-score"),
        (["--jitter", "nan"], "jitter must be"),
    ],
)
def test_wrong_usage_says_what_is_wrong(small, tmp_path, capsys, own_library, arguments, message):
    inputs = [] if arguments[0] == "nowhere.jpg" else [str(small)]
    assert main([*inputs, *arguments, "-o", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unknown_options_exit_with_two(small, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main([str(small), "-o", str(tmp_path / "out"), "--method", "magic"])
    assert stopped.value.code == 2


def test_a_second_run_replaces_what_the_first_one_wrote(small, tmp_path):
    out = tmp_path / "out"
    assert main([str(small), "-o", str(out), "--method", "blackout", "--gif"]) == 0
    before = (out / small.name).read_bytes()
    assert main([str(small), "-o", str(out), "--method", "pixelate", "--no-verify"]) == 0
    assert (out / small.name).read_bytes() != before
    assert sorted(path.name for path in out.iterdir()) == [small.name, f"{small.name}.json"], (
        "the old GIF is gone"
    )


@pytest.mark.parametrize("suffix", ["", ".json", ".gif"])
def test_a_file_that_no_earlier_run_wrote_survives(small, tmp_path, capsys, suffix):
    """A photo of the user's with the same name lies in the output folder: nothing is written, it stays."""
    out = tmp_path / "out"
    out.mkdir()
    foreign = out / f"{small.name}{suffix}"
    foreign.write_bytes(b"a file of the user's")
    assert main([str(small), "-o", str(out), "--method", "blackout"]) == 2
    assert f"{foreign}: exists, and no earlier run wrote it" in capsys.readouterr().err
    assert foreign.read_bytes() == b"a file of the user's" and list(out.iterdir()) == [foreign]


def test_a_photo_put_beside_the_record_of_a_failure_survives(small, tmp_path, capsys):
    """The first run wrote no photo; what has its name now is not ours."""
    out = tmp_path / "out"
    small.write_bytes(small.read_bytes()[:2000])
    assert main([str(small), "-o", str(out), "--method", "blackout"]) == 1
    (out / small.name).write_bytes(b"a file of the user's")
    assert main([str(small), "-o", str(out), "--method", "blackout"]) == 2
    assert (out / small.name).read_bytes() == b"a file of the user's"


def test_a_run_that_was_killed_while_writing_is_done_again(small, tmp_path):
    """It left a record that says so, and a photo: both are ours."""
    out = tmp_path / "out"
    assert main([str(small), "-o", str(out), "--method", "blackout"]) == 0
    (out / f"{small.name}.json").write_text(json.dumps({"status": STARTED, "written": False}))
    assert main([str(small), "-o", str(out), "--method", "blackout"]) == 0
    assert manifest(out, small.name)["written"] is True


@pytest.mark.parametrize(
    ("name", "encoding", "shown"),
    [
        (os.fsdecode(b"caf\xe9.jpg"), "utf-8", r"caf\udce9.jpg"),
        ("写真.jpg", "cp1252", r"\u5199\u771f.jpg"),
        ("a\nb\x1b[2J.jpg", "utf-8", r"a\nb\x1b[2J.jpg"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="not every disk has such names")
def test_a_name_that_the_console_cannot_show_stops_no_photo(
    folder, tmp_path, monkeypatch, name, encoding, shown
):
    (folder / "a.jpg").rename(folder / name)
    console = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", console)
    assert blacken(folder, "-o", tmp_path / "out") == 0
    assert f"{shown}: 1 faces" in console.buffer.getvalue().decode(encoding)
    assert manifest(tmp_path / "out", name)["written"] and manifest(tmp_path / "out", "z.jpg")["written"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_console_that_is_gone_stops_no_photo(folder, tmp_path, monkeypatch, stream):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, stream, Gone())
    assert blacken(folder, "-o", tmp_path / "out") == 0
    assert manifest(tmp_path / "out", "z.jpg")["written"]


def test_what_looks_like_a_photo_and_was_not_done_is_named_and_counts(folder, tmp_path, capsys):
    """Raw, an animation, a link to nothing, a file that is none; what can be read is, whatever its name."""
    shutil.copy(folder / "a.jpg", folder / "b.jfif")
    shutil.copy(folder / "a.jpg", folder / "c")
    (folder / "raw.CR3").write_bytes(b"\0\0\0\x18ftypcrx ")
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "tan")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "gone.jpg").symlink_to("nowhere")
    undone = {
        "raw.CR3": "a camera's raw file",
        "moving.gif": "holds 2 pictures",
        "gone.jpg": "no such file",
    }
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")
        undone["pipe.png"] = "not a file"
    (folder / "notes.txt").write_text("no photo")
    out = tmp_path / "out"
    assert blacken(folder, "-o", out) == 1
    said = capsys.readouterr()
    for name, reason in undone.items():
        assert f"{folder / name}: not written: {reason}" in said.err
        assert manifest(out, name)["written"] is False and not (out / name).exists()
        assert str(tmp_path) not in (out / f"{name}.json").read_text(), "a manifest holds no path"
    assert f"4 of {4 + len(undone)} photos written" in said.out and "alone: " in said.out
    assert all(manifest(out, name)["written"] for name in ("a.jpg", "b.jfif", "c", "z.jpg"))


def test_nothing_but_what_cannot_be_done_is_no_success(folder, tmp_path, capsys):
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert blacken(tmp_path / "phone", "-o", tmp_path / "out") == 1
    assert "IMG_1.HEIC: not written: " in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="paths end before")
def test_a_name_that_is_too_long_is_told_before_the_first_photo(folder, tmp_path, capsys):
    (folder / "a.jpg").rename(folder / f"{'x' * 251}.jpg")
    assert blacken(folder, "-o", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "its name is too long" in said.err and "1 of 2 photos written" in said.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["z.jpg", "z.jpg.json"]


def test_an_output_that_is_a_file_is_refused_before_the_first_photo(folder, tmp_path, capsys):
    (tmp_path / "out.jpg").write_bytes(b"theirs")
    assert blacken(folder / "a.jpg", "-o", tmp_path / "out.jpg") == 2
    assert "out.jpg: not a folder; choose another output folder" in capsys.readouterr().err
    assert (tmp_path / "out.jpg").read_bytes() == b"theirs"


@pytest.mark.parametrize("refused", ["a.jpg", "a.jpg.json"])
def test_a_file_that_may_not_be_written_stops_no_other(folder, tmp_path, capsys, monkeypatch, refused):
    """Its message names it, not the temporary file; no record says that it was written."""
    out, rename = tmp_path / "out", os.replace

    def replace(source, target):
        if target == out / refused:
            raise PermissionError(13, "Permission denied", source, None, target)
        rename(source, target)

    assert blacken(folder, "-o", out) == 0
    monkeypatch.setattr(os, "replace", replace)
    assert blacken(folder, "-o", out, "--overwrite") == 1
    said = capsys.readouterr().err
    assert f"a.jpg: not written: {out / refused}: cannot be written (Permission denied); choose" in said
    assert said.count("Permission denied") == 1 and "partial" not in said and not list(out.glob(".partial*"))
    assert not (out / "a.jpg").exists() and manifest(out, "z.jpg")["written"]
    assert not (out / "a.jpg.json").exists() if refused != "a.jpg" else not manifest(out, "a.jpg")["written"]


def test_linked_folders_are_done(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "z.jpg").rename(tmp_path / "elsewhere" / "b.jpg")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert blacken(folder, "-o", tmp_path / "out") == 0
    assert manifest(tmp_path / "out" / "linked", "b.jpg")["written"]


def test_a_second_run_does_the_same_however_its_folders_are_named(folder, tmp_path, monkeypatch):
    out, left = folder / "out", []
    monkeypatch.chdir(tmp_path)
    for given, output in (("in", "in/out"), (folder, "in/out"), ("in/../in", out)):
        assert blacken(given, "-o", output) == 0
        left.append({path.name: path.read_bytes() for path in out.iterdir() if path.suffix == ".jpg"})
        assert sorted(left[-1]) == ["a.jpg", "z.jpg"] and left[-1] == left[0]
