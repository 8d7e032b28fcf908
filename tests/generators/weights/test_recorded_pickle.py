"""Pickles read as records: numbers come out whole, and nothing is called."""

import os
import pickle
import struct
import subprocess
import sys

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


def test_a_number_in_a_pickle_makes_no_room_for_as_many_objects(tmp_path):
    """Ten bytes that call their only object the two billionth."""
    (tmp_path / "many.pkl").write_bytes(b"\x80\x02K\x01r" + struct.pack("<I", 2**31 - 1) + b".")
    code = (
        "import resource, sys\n"
        "from deid.generators.weights.recorded_pickle import RecordingUnpickler\n"
        "resource.setrlimit(resource.RLIMIT_AS, (8_000_000_000,) * 2)\n"
        "print(RecordingUnpickler(open(sys.argv[1], 'rb'), set()).load())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "many.pkl")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_what_a_reader_says_is_one_line_and_no_advice_to_execute_it():
    assert recorded_pickle.said(KeyError()) == "KeyError"
    assert recorded_pickle.said(RuntimeError("first\nsecond")) == "first"
    assert "weights_only" not in recorded_pickle.said(
        pickle.UnpicklingError("re-run with weights_only=False")
    )
