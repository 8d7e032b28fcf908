"""Pickles read as records: numbers come out whole, and nothing is called."""

import os
import pickle
import struct

import pytest
import torch

from deid.generators import WeightsError
from deid.generators.weights import recorded_pickle


def test_a_bomb_in_a_storage_is_refused(call):
    for hidden in (call(os.system, "true"), ("storage", call(os.system, "true"), "0", "cpu", 1, None)):
        inner = b"".join(pickle.dumps(part, 2) for part in (recorded_pickle.MAGIC, 1001, {}, hidden))
        with pytest.raises(WeightsError, match="refused: the pickle names (posix|nt).system"):
            recorded_pickle.read_storage(inner)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool]
)
def test_storages_of_every_type(storage_of, dtype):
    numbers = torch.tensor([0, 1, 1, 0], dtype=dtype)
    assert torch.equal(recorded_pickle.read_storage(storage_of(numbers)), numbers)


def test_a_storage_cut_short_is_damaged(storage_of):
    content = storage_of(torch.arange(100.0))
    for cut in (content[:-1], content[:-400], content[: len(content) // 2], content + b"x"):
        with pytest.raises((WeightsError, EOFError, pickle.UnpicklingError, struct.error)):
            recorded_pickle.read_storage(cut)
