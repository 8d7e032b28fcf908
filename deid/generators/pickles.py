"""NVIDIA's network pickles, read without executing anything in them.

A pickle is a program: it names functions and has them called. Here every name stands for an inert record of the call
(``Recorded``), and a name that a network does not need is refused before anything is built. What comes out are
tensors, numbers, text and the containers that hold them.
"""

import io
import pickle
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from deid.generators.files import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C  # opens torch's own format for a storage inside a pickle
DTYPES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}  # fmt: skip
STORAGES = {f"torch.{name}" for name in DTYPES}
NAMES = {
    "torch_utils.persistence._reconstruct_persistent_obj",
    "collections.OrderedDict", "dnnlib.util.EasyDict", "dnnlib.EasyDict",
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_tensor_v2", "torch.storage._load_from_bytes",
    "numpy.dtype", "numpy.ndarray", "_codecs.encode",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
}  # fmt: skip
BROKEN = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, MemoryError, OverflowError,
    RecursionError, RuntimeError, TypeError, UnicodeError, ValueError, struct.error,
)  # fmt: skip


@dataclass
class Module:
    """A network out of a pickle: its class, tensors by dotted name, and its settings (numbers and text) likewise."""

    class_name: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def read(path: str | Path) -> dict[str, Module]:
    """The networks in an NVIDIA pickle (stylegan2-ada-pytorch, stylegan3) by name: G, D, G_ema.

    Raises ``WeightsError`` for anything that is not such a pickle, or that names anything a network does not need.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            content = _Reader(file, NAMES).load()
        found = _Resolver().value(content)
        return {name: _module(value) for name, value in found.items() if isinstance(value, _Persistent)}
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    except BROKEN as error:
        raise WeightsError(f"{path}: not a readable network pickle ({type(error).__name__}: {error})") from None


class Recorded:
    """What the unpickler makes of every name: a record of the arguments, state and items that it was given."""

    name = ""

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


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO, names: set[str]) -> None:
        super().__init__(file)
        self.names = names

    def find_class(self, module: str, name: str) -> type[Recorded]:
        full = f"{module}.{name}"
        if full.startswith("dnnlib.tflib."):
            raise WeightsError("a TensorFlow pickle; convert it with legacy.py of NVIDIA's stylegan2-ada-pytorch first")
        if full not in self.names:
            raise WeightsError(f"refused: the pickle names {full}, which no network needs; nothing in it was executed")
        return type("Recorded", (Recorded,), {"name": full})

    def persistent_load(self, identifier: Any) -> tuple:
        if self.names is not STORAGES:
            raise WeightsError("refused: the pickle refers to data outside itself")
        return identifier


@dataclass
class _Persistent:
    class_name: str
    state: dict


class _Resolver:
    """Records -> values. Shared records become shared values, so that the work is bounded by the file's size."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, Any]] = {}

    def value(self, node: Any) -> Any:
        if node is None or isinstance(node, bool | int | float | str | bytes):
            return node
        if isinstance(node, type):  # a class handed to a call, numpy.ndarray for one
            return None
        if id(node) not in self.known:
            self.known[id(node)] = node, None  # a structure that contains itself ends here; the node is kept alive
            self.known[id(node)] = node, self._made(node)
        return self.known[id(node)][1]

    def _made(self, node: Any) -> Any:
        if isinstance(node, dict):
            return {key: self.value(item) for key, item in node.items() if isinstance(key, str)}
        if isinstance(node, list | tuple):
            return type(node)(self.value(item) for item in node)
        if isinstance(node, set | frozenset):
            return None  # bookkeeping of torch's modules
        if not isinstance(node, Recorded):
            raise WeightsError(f"unexpected {type(node).__name__}")
        name = node.name.rsplit(".", 1)[-1]
        arguments = [self.value(argument) for argument in node.arguments]
        return getattr(self, f"_{name.strip('_')}")(node, *arguments)

    def _reconstruct_persistent_obj(self, _: Recorded, meta: dict) -> _Persistent:
        return _Persistent(str(meta["class_name"]), meta["state"])

    def _OrderedDict(self, node: Recorded, pairs: list | tuple = ()) -> dict:
        return dict(pairs) | self.value(node.items)

    def _EasyDict(self, node: Recorded, *_: Any) -> dict:
        return self.value(node.items)

    def _encode(self, _: Recorded, text: str, encoding: str) -> bytes:
        return text.encode("latin1")

    def _dtype(self, node: Recorded, code: str, *_: Any) -> np.dtype:
        if code[:1] not in "fiub" or not code[1:].isdigit():
            raise WeightsError(f"a number of type {code!r}")
        order = (self.value(node.state) or (3, "<"))[1]
        return np.dtype(code).newbyteorder(order if order in "<>" else "=")

    def _scalar(self, _: Recorded, dtype: np.dtype, content: bytes) -> float | int:
        return np.frombuffer(content, dtype, 1)[0].item()

    def _reconstruct(self, node: Recorded, *_: Any) -> Tensor | None:
        if not isinstance(node, Recorded) or not node.name.endswith("multiarray._reconstruct") or not node.state:
            raise WeightsError("an array without content")
        _, shape, dtype, fortran, content = self.value(node.state)
        array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))

    def _ndarray(self, _: Recorded, *arguments: Any) -> None:
        raise WeightsError("an array made in an unknown way")

    def _load_from_bytes(self, _: Recorded, content: bytes) -> Tensor:
        return read_storage(content)

    def _rebuild_tensor_v2(
        self, _: Recorded, storage: Tensor, offset: int, size: tuple, stride: tuple, *__: Any
    ) -> Tensor:
        numbers = [offset, *size, *stride]
        if len(size) != len(stride) or not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise WeightsError("a tensor with an impossible shape")
        last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
        if int(np.prod(size, dtype=object)) > len(storage) or last >= len(storage) > 0:
            raise WeightsError("a tensor larger than its data")
        return storage.as_strided(size, stride, offset)

    def _rebuild_parameter(self, _: Recorded, tensor: Tensor, *__: Any) -> Tensor:
        return tensor


def read_storage(content: bytes) -> Tensor:
    """One tensor's numbers in torch's own format of 2017, as pickled storages carry them -> (N,)."""
    file = io.BytesIO(content)
    heads = [_Reader(file, set()).load() for _ in range(3)]
    if heads[0] != MAGIC:
        raise WeightsError("a storage in an unknown format")
    kind, storage, key, _, count, *_ = _Reader(file, STORAGES).load()
    if kind != "storage" or _Reader(file, set()).load() != [key]:
        raise WeightsError("a storage that is not one")
    dtype = DTYPES[storage.name.removeprefix("torch.")]
    stored, size = struct.unpack("<q", file.read(8))[0], torch.empty(0, dtype=dtype).element_size()
    numbers = file.read()
    if stored != count or len(numbers) != count * size:
        raise WeightsError(f"a storage of {count} numbers holds {len(numbers)} bytes: the file is cut short or damaged")
    return torch.frombuffer(bytearray(numbers), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _module(persistent: _Persistent) -> Module:
    module = Module(persistent.class_name)
    _collect(persistent, "", module)
    return module


def _collect(persistent: _Persistent, prefix: str, module: Module) -> None:
    state = persistent.state
    for group in ("_parameters", "_buffers"):
        tensors = {prefix + name: value for name, value in state.get(group, {}).items() if isinstance(value, Tensor)}
        module.tensors |= tensors
    plain = {name: value for name, value in state.items() if not name.startswith("_")}
    module.settings |= {
        prefix + name: value for name, value in plain.items() if isinstance(value, bool | int | float | str)
    }
    for name, child in state.get("_modules", {}).items():
        if isinstance(child, _Persistent):
            _collect(child, f"{prefix}{name}.", module)
