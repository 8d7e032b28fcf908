"""NVIDIA's network pickles: tensors, settings and class names out of calls that are never executed."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from deid.generators.weights.files import WeightsError
from deid.generators.weights.recorded_pickle import BROKEN, Recorded, RecordingUnpickler, read_storage

NAMES = {
    "torch_utils.persistence._reconstruct_persistent_obj",
    "collections.OrderedDict", "dnnlib.util.EasyDict", "dnnlib.EasyDict",
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_tensor_v2", "torch.storage._load_from_bytes",
    "numpy.dtype", "numpy.ndarray", "_codecs.encode",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
}  # fmt: skip


@dataclass
class PickledNetwork:
    """A network out of a pickle: its class, its tensors and its settings (numbers, text) by dotted name."""

    class_name: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def read_pickle(path: str | Path) -> dict[str, PickledNetwork]:
    """The networks in an NVIDIA pickle (stylegan2-ada-pytorch, stylegan3) by name: G, D, G_ema.

    Raises ``WeightsError`` for anything that is not such a pickle, or that names anything a network does not
    need.
    """
    path = Path(path)
    try:
        # Of bytes in memory no more are read than there are, whatever the pickle says of their length.
        content = RecordingUnpickler(io.BytesIO(path.read_bytes()), NAMES).load()
        found = _Resolver().value(content)
        return {name: _module(value) for name, value in found.items() if isinstance(value, _Persistent)}
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    except BROKEN as error:
        raise WeightsError(
            f"{path}: not a readable network pickle ({type(error).__name__}: {error})"
        ) from None


@dataclass
class _Persistent:
    class_name: str
    state: dict


class _Resolver:
    """Records -> values. Shared records become shared values: the work is bounded by the file's size."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, Any]] = {}

    def value(self, node: Any) -> Any:
        """What a record, or a container of records, stands for."""
        if node is None or isinstance(node, bool | int | float | str | bytes):
            return node
        if isinstance(node, type):  # a class handed to a call, numpy.ndarray for one
            return None
        if id(node) not in self.known:
            self.known[id(node)] = (
                node,
                None,
            )  # a structure that contains itself ends here; the node is held so that its id stays its own
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
        return np.dtype(code).newbyteorder(cast(Any, order if order in "<>" else "="))

    def _scalar(self, _: Recorded, dtype: np.dtype, content: bytes) -> float | int:
        return np.frombuffer(content, dtype, 1)[0].item()

    def _reconstruct(self, node: Recorded, *_: Any) -> Tensor | None:
        if (
            not isinstance(node, Recorded)
            or not node.name.endswith("multiarray._reconstruct")
            or not node.state
        ):
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


def _module(persistent: _Persistent) -> PickledNetwork:
    module = PickledNetwork(persistent.class_name)
    _collect(persistent, "", module)
    return module


def _collect(persistent: _Persistent, prefix: str, module: PickledNetwork) -> None:
    state = persistent.state
    for group in ("_parameters", "_buffers"):
        tensors = {
            prefix + name: value for name, value in state.get(group, {}).items() if isinstance(value, Tensor)
        }
        module.tensors |= tensors
    plain = {name: value for name, value in state.items() if not name.startswith("_")}
    module.settings |= {
        prefix + name: value for name, value in plain.items() if isinstance(value, bool | int | float | str)
    }
    for name, child in state.get("_modules", {}).items():
        if isinstance(child, _Persistent):
            _collect(child, f"{prefix}{name}.", module)
