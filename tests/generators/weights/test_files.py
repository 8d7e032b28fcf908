"""Weights on disk: what is written comes back, and no foreign file is written over."""

import json

import pytest
import torch
from safetensors.torch import save_file

from deid.generators import WeightsError
from deid.generators.weights import files


def test_tensors_and_facts_come_back(tmp_path):
    tensors = {"a": torch.randn(3, 4).T, "count": torch.tensor(7)}
    files.write(tmp_path / "a.safetensors", tensors, {"family": "dcgan", "clamp": None})
    found, facts = files.read(tmp_path / "a.safetensors")
    assert facts == {"family": "dcgan", "clamp": None}
    assert found["a"].dtype == torch.float32 and torch.equal(found["a"], tensors["a"].half().float())
    assert found["count"].dtype == torch.int64 and found["count"] == 7
    files.write(tmp_path / "a.safetensors", tensors, {}, torch.float32)  # our own file is written over
    assert torch.equal(files.read(tmp_path / "a.safetensors")[0]["a"], tensors["a"])


@pytest.mark.parametrize("kind", ["text", "safetensors of others", "a library", "folder", "empty"])
def test_a_foreign_file_is_never_written_over(tmp_path, kind):
    path = tmp_path / "theirs.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind == "safetensors of others":
        save_file({"a": torch.ones(2)}, path, metadata={"format": "pt"})
    elif kind == "a library":
        save_file({"a": torch.ones(2)}, path, metadata={"deid": json.dumps({"references version": 1})})
    else:
        path.write_text("theirs" if kind == "text" else "")
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(WeightsError, match="theirs.safetensors: exists, and this project did not write it"):
        files.write(path, {"a": torch.zeros(2)}, {})
    assert path.is_dir() if before is None else path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_file_without_facts_has_none(tmp_path):
    save_file({"a": torch.ones(2, dtype=torch.float16)}, tmp_path / "a.safetensors")
    tensors, facts = files.read(tmp_path / "a.safetensors")
    assert facts == {} and tensors["a"].dtype == torch.float32


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "text.safetensors").write_text("hello")
    for name in ("text.safetensors", "missing.safetensors"):
        with pytest.raises(WeightsError, match=f"{name}: not a readable safetensors file"):
            files.read(tmp_path / name)


@pytest.mark.parametrize("facts", ["[]", "3", "null", "{", "[" * 100_000])
def test_facts_that_are_no_dictionary_are_refused(tmp_path, facts):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"deid": facts})
    with pytest.raises(WeightsError, match=r"a\.safetensors: not a readable safetensors file"):
        files.read(tmp_path / "a.safetensors")
    if facts[:2] in ("{", "[["):
        with pytest.raises(WeightsError, match="this project did not write it"):
            files.refuse_foreign(tmp_path / "a.safetensors")
