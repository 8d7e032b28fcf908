"""The library: read from a memory map, whole or refused."""

import hashlib
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from deid import storage
from deid.photo.alignment import DCGAN_FRAME
from deid.references.library import Library, LibraryError, default_path


def change(path, to, **tensors):
    """A copy of a library, some tensors replaced."""
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()
    save_file({**load_file(path), **tensors}, to, metadata=facts)
    return to


def test_a_library_says_whose_faces_it_holds(small, small_path):
    assert len(small) == 2 and [reference.name for reference in small.references] == ["left", "right"]
    first = small.references[0]
    assert (first.index, first.identity, first.source, first.licence) == (
        0,
        "left",
        "two people",
        "for tests",
    )
    assert first.size == 256 and first.attributes["skin_l"] > 30
    assert small.thumbnails.shape == (2, 3, 64, 64) and small.mattes.shape == (2, 1, 128, 128)
    assert small.embeddings.norm(dim=1).tolist() == pytest.approx([1, 1])
    assert small.rejected == {"two people": {"no face": 1}}
    assert small.sha256 == storage.sha256(small_path)


def test_landmarks_lie_where_the_frame_wants_them(small):
    wanted = torch.tensor(DCGAN_FRAME.template)
    assert (small.landmarks - wanted).norm(dim=2).max() < 0.08


@pytest.mark.parametrize("size", [64, 128, 200, 256, 512])
def test_a_crop_comes_at_any_size_and_looks_the_same(small, size):
    crop = small.crop(0, size)
    assert crop.shape == (1, 3, size, size) and crop.abs().max() <= 1
    thumbnail = small.thumbnails[:1] / 127.5 - 1
    again = torch.nn.functional.interpolate(crop, (64, 64), mode="bilinear", antialias=True)
    assert (again - thumbnail).abs().mean() < 0.05
    assert small.crop(0, size) is crop  # decoded once


def test_a_crop_reads_its_own_bytes_and_no_others(small, small_path, tmp_path):
    """The bytes of all other crops are overwritten: this one does not notice, those do."""
    start, end = small.offsets[:2].tolist()
    blobs = torch.zeros_like(load_file(small_path)["blobs"])
    blobs[start:end] = load_file(small_path)["blobs"][start:end]
    changed = Library.open(change(small_path, tmp_path / "changed.safetensors", blobs=blobs))
    assert torch.equal(changed.crop(0, 128), small.crop(0, 128))
    with pytest.raises(LibraryError, match="picture of right was changed; move the file away and run"):
        changed.crop(1, 128)


def test_opening_leaves_the_pictures_on_the_disk(small_path, tmp_path):
    """A library with 400 MB of pictures is opened within little memory, and a crop read from it."""
    code = (
        "import resource, sys\n"
        "from deid.references.library import Library\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "Library.open(sys.argv[1]).crop(0, 128)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    import subprocess
    import sys

    blobs = load_file(small_path)["blobs"]
    offsets = load_file(small_path)["offsets"].clone()
    offsets[-1] = 400_000_000
    padded = torch.zeros(400_000_000, dtype=torch.uint8)
    padded[: len(blobs)] = blobs
    large = change(small_path, tmp_path / "large.safetensors", blobs=padded, offsets=offsets)
    done = subprocess.run(
        [sys.executable, "-c", code, str(large)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 60_000  # kilobytes


def test_what_is_no_library_is_refused_with_a_sentence(small_path, tmp_path):
    with pytest.raises(LibraryError, match="no such library; run: python -m deid.references build"):
        Library.open(tmp_path / "nowhere.safetensors")
    (tmp_path / "text.safetensors").write_text("not a library")
    save_file({"a": torch.zeros(1)}, tmp_path / "weights.safetensors", metadata={"deid": json.dumps({})})
    whole = small_path.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    change(small_path, tmp_path / "odd.safetensors", mattes=torch.zeros(1, 1, 128, 128, dtype=torch.uint8))
    for name in ("text", "weights", "cut", "odd"):
        with pytest.raises(LibraryError, match="not a library of references.*move the file away and run"):
            Library.open(tmp_path / f"{name}.safetensors")


def test_the_users_library_lies_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "deid" / "references" / "people.safetensors"


def test_a_library_whose_parts_are_of_other_kinds_is_refused(small_path, tmp_path):
    tensors = load_file(small_path)
    wrong = {
        "offsets": tensors["offsets"].flip(0),
        "blobs": tensors["blobs"].to(torch.int8),
        "embeddings": tensors["embeddings"].half(),
        "landmarks": torch.zeros(2, 5, 2, dtype=torch.int32),
    }
    for name, tensor in wrong.items():
        path = change(small_path, tmp_path / f"{name}.safetensors", **{name: tensor})
        with pytest.raises(LibraryError, match="not a library of references"):
            Library.open(path)


def test_a_library_whose_records_are_of_other_kinds_is_refused(small_path, tmp_path):
    with safe_open(small_path, framework="pt") as file:
        facts = json.loads(file.metadata()["deid"])
    texts = ["[" * 100_000, "[]", "null"]
    for name, value in (("name", 3), ("size", "64"), ("attributes", {"yaw": "left"}), ("digest", None)):
        record = facts["records"][0] | {name: value}
        texts.append(json.dumps(facts | {"records": [record, facts["records"][1]]}))
    for text in texts:
        save_file(load_file(small_path), tmp_path / "a.safetensors", metadata={"deid": text})
        with pytest.raises(LibraryError, match="not a library of references"):
            Library.open(tmp_path / "a.safetensors")


def test_a_picture_that_is_none_is_refused_by_name(small_path, tmp_path):
    with safe_open(small_path, framework="pt") as file:
        facts = json.loads(file.metadata()["deid"])
    tensors = load_file(small_path)
    blobs = torch.zeros_like(tensors["blobs"])
    for record, (start, end) in zip(
        facts["records"], tensors["offsets"].unfold(0, 2, 1).tolist(), strict=True
    ):
        record["digest"] = hashlib.sha256(bytes(end - start)).hexdigest()
    save_file(tensors | {"blobs": blobs}, tmp_path / "a.safetensors", metadata={"deid": json.dumps(facts)})
    with pytest.raises(LibraryError, match=r"a\.safetensors: the picture of left is none"):
        Library.open(tmp_path / "a.safetensors").crop(0, 128)
