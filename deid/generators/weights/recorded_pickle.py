"""Pickles read without executing anything in them.

A pickle is a program: it names functions and has them called. Here every name stands for an inert record of
the call (``Recorded``), and a name that is not expected is refused before anything is built.
"""

import io
import pickle
import struct
from typing import Any, BinaryIO

import torch
from torch import Tensor

from deid.generators.weights.files import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C  # opens torch's own format for a storage inside a pickle
DTYPES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}  # fmt: skip
STORAGES = {f"torch.{name}" for name in DTYPES}
BROKEN = (
    pickle.UnpicklingError, AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError,
    OverflowError, RecursionError, RuntimeError, TypeError, UnicodeError, ValueError, struct.error,
)  # fmt: skip


def said(error: Exception) -> str:
    """What an error of a reader says, in a line.

    torch's own words on a pickle that it refuses go on to advise that it be executed.
    """
    if isinstance(error, pickle.UnpicklingError):
        return "its pickle is damaged, or names what no network needs"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class Recorded:
    """What the unpickler makes of every name: a record of its arguments, its state and its items."""

    name = ""
    arguments: tuple
    state: Any
    items: dict

    def __new__(cls, *arguments: Any, **_: Any) -> "Recorded":
        self = object.__new__(cls)
        self.arguments, self.state, self.items = arguments, None, {}
        return self

    def __init__(self, *arguments: Any, **_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value


class RecordingUnpickler(pickle._Unpickler):
    """An unpickler that knows ``names`` alone, and makes a record of each use of them.

    It is the one written in Python: the one in C makes room for as many objects as a pickle's largest number
    says, 34 GB for a file of ten bytes (https://github.com/python/cpython/issues/115952).
    """

    def __init__(self, file: BinaryIO, names: set[str]) -> None:
        super().__init__(file)
        self.names = names

    def find_class(self, module: str, name: str) -> type[Recorded]:
        """A record of this name; raises ``WeightsError`` for one that is not known. Nothing is imported."""
        full = f"{module}.{name}"
        if full.startswith("dnnlib.tflib."):
            raise WeightsError(
                "a TensorFlow pickle; convert it with legacy.py of NVIDIA's stylegan2-ada-pytorch first"
            )
        if full not in self.names:
            raise WeightsError(
                f"refused: the pickle names {full}, which no network needs; nothing in it was executed"
            )
        return type("Recorded", (Recorded,), {"name": full})

    def persistent_load(self, identifier: Any) -> tuple:
        """The reference itself, in a storage's own pickle; elsewhere it is refused."""
        if self.names is not STORAGES:
            raise WeightsError("refused: the pickle refers to data outside itself")
        return identifier


def read_storage(content: bytes) -> Tensor:
    """One tensor's numbers in torch's own format of 2017, as pickled storages carry them -> (N,)."""
    file = io.BytesIO(content)
    heads = [RecordingUnpickler(file, set()).load() for _ in range(3)]
    if heads[0] != MAGIC:
        raise WeightsError("a storage in an unknown format")
    kind, storage, key, _, count, *_ = RecordingUnpickler(file, STORAGES).load()
    if kind != "storage" or RecordingUnpickler(file, set()).load() != [key]:
        raise WeightsError("a storage that is not one")
    dtype = DTYPES[storage.name.removeprefix("torch.")]
    stored, size = struct.unpack("<q", file.read(8))[0], torch.empty(0, dtype=dtype).element_size()
    numbers = file.read()
    if stored != count or len(numbers) != count * size:
        raise WeightsError(
            f"a storage of {count} numbers holds {len(numbers)} bytes: the file is cut short or damaged"
        )
    return torch.frombuffer(bytearray(numbers), dtype=dtype) if count else torch.empty(0, dtype=dtype)
