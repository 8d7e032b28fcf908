"""The weights in an ONNX file, read without running anything that it holds."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

# Of ONNX's messages: a model's graph; a graph's tensors; a tensor's shape, kind, name and data
# (floats may lie in a field of their own).
GRAPH, TENSORS = 7, 5
DIMENSIONS, KIND, FLOATS, NAME, DATA = 1, 2, 4, 8, 9
KINDS = {1: torch.float32, 7: torch.int64}


def read(source: Path) -> dict[str, Tensor]:
    """The tensors of an ONNX file by their names, in the file's order.

    Raises ``ValueError`` for a file that is laid out in another way.
    """
    try:
        (graph,) = _messages(source.read_bytes(), GRAPH)
        return dict(map(_tensor, _messages(graph, TENSORS)))
    except (IndexError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(f"{source}: not an ONNX file whose weights can be read ({error})") from None


def _tensor(message: bytes) -> tuple[str, Tensor]:
    """Name and values of one tensor."""
    shape: list[int] = []
    name, kind, data = "", 0, b""
    for number, content in _fields(message):
        if number == DIMENSIONS:
            shape += [content] if isinstance(content, int) else _varints(content)
        elif number == KIND and isinstance(content, int):
            kind = content
        elif number == NAME and isinstance(content, bytes):
            name = content.decode()
        elif number in (FLOATS, DATA) and isinstance(content, bytes):
            data = content
    return name, torch.frombuffer(bytearray(data), dtype=KINDS[kind]).view(shape)


def _messages(message: bytes, wanted: int) -> list[bytes]:
    """The contents of all fields of this number that hold bytes."""
    fields = _fields(message)
    return [content for number, content in fields if number == wanted and isinstance(content, bytes)]


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and content of each field of a message in protobuf's wire format: bytes, or whole numbers."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind, size = key & 7, 0
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        size = size if kind == 2 else {1: 8, 5: 4}[kind]
        if at + size > len(message):
            raise ValueError("it is cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varints(message: bytes) -> list[int]:
    """Numbers that lie one behind the other."""
    values, at = [], 0
    while at < len(message):
        value, at = _varint(message, at)
        values.append(value)
    return values


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
