"""Weights are read out of ONNX's messages, whichever way a writer chose to lay them out."""

import struct

import pytest
import torch

from deid import onnx


def number(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)


def field(key: int, content: bytes) -> bytes:
    return number(key << 3 | 2) + number(len(content)) + content


def model(*tensors: bytes) -> bytes:
    """An ONNX file with these tensors, among fields of other kinds."""
    graph = field(1, b"a node") + b"".join(field(5, tensor) for tensor in tensors)
    return number(1 << 3) + number(300) + number(21 << 3 | 1) + b"\xff" * 8 + field(7, graph)


def test_floats_in_either_field_and_shapes_packed_or_not(tmp_path):
    values = struct.pack("<6f", *range(6))
    one = (
        field(1, number(2) + number(3)) + number(2 << 3) + number(1) + field(8, b"packed") + field(9, values)
    )
    sizes = number(1 << 3) + number(3) + number(1 << 3) + number(2)
    other = sizes + number(2 << 3) + number(1) + field(4, values) + field(8, b"floats")
    (tmp_path / "a.onnx").write_bytes(model(one, other))
    found = onnx.read(tmp_path / "a.onnx")
    assert list(found) == ["packed", "floats"]
    assert found["packed"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["floats"].shape == (3, 2)


def test_whole_numbers_keep_their_kind(tmp_path):
    count = number(2 << 3) + number(7) + field(8, b"count") + field(9, struct.pack("<q", 2**40))
    (tmp_path / "a.onnx").write_bytes(model(count))
    assert onnx.read(tmp_path / "a.onnx")["count"].item() == 2**40


@pytest.mark.parametrize(
    "content", [b"", b"\x3a\x05abc", b"\xff\xff", b"GIF89a and more of it", model(field(8, b"empty"))]
)
def test_anything_else_is_refused_by_name(tmp_path, content):
    (tmp_path / "b.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"b\.onnx: not an ONNX file"):
        onnx.read(tmp_path / "b.onnx")


def test_the_weights_of_a_file_are_tensors_of_their_own(tmp_path):
    tensor = number(2 << 3) + number(1) + field(8, b"a") + field(9, struct.pack("<f", 1.5))
    (tmp_path / "a.onnx").write_bytes(model(tensor))
    value = onnx.read(tmp_path / "a.onnx")["a"]
    assert value.shape == () and torch.equal(value + 1, torch.tensor(2.5))
