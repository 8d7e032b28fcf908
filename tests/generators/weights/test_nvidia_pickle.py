"""NVIDIA's pickles: their networks come out; a file that is anything else does nothing but raise."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from deid.generators import WeightsError, load_generator
from deid.generators.weights import nvidia_pickle


def test_nvidia_pickle_gives_its_networks_by_name(golden_pickle):
    networks = nvidia_pickle.read_pickle(golden_pickle)
    assert set(networks) == {"G", "D", "G_ema"} and networks["G_ema"].class_name == "Generator"
    assert networks["G_ema"].tensors["synthesis.b4.const"].shape == (32, 4, 4)
    assert networks["G_ema"].settings["synthesis.b8.conv0.conv_clamp"] == 256
    assert networks["D"].settings["b4.mbstd.group_size"] == 4


@pytest.mark.parametrize("place", ["top", "inside", "after the network"])
@pytest.mark.parametrize(
    "function", [os.system, eval, exec, open, getattr, subprocess.run, __import__, torch.load]
)
def test_a_hostile_pickle_is_refused_and_nothing_runs(tmp_path, call, place, function):
    marker = tmp_path / "was-executed"
    code = f"open({str(marker)!r}, 'w')" if function in (eval, exec) else f"touch {marker}"
    bomb = call(function, code)
    content = {
        "top": bomb,
        "inside": {"G_ema": {"w": [bomb]}},
        "after the network": {"training_set_kwargs": bomb},
    }[place]
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(
        WeightsError, match=rf"bomb.pkl: refused: the pickle names .*{function.__name__}"
    ) as caught:
        load_generator(tmp_path / "bomb.pkl")
    assert "nothing in it was executed" in str(caught.value)
    assert not marker.exists()


def test_a_bomb_behind_a_real_network_is_refused(tmp_path, golden_pickle):
    """The network is whole, a call is appended to it: nothing may come out."""
    content = golden_pickle.read_bytes()
    assert content.endswith(b"u.")  # the last items of the dictionary, stop
    bomb = b"\x8c\x01x(cposix\nsystem\n\x8c\x04trueo"  # "x": posix.system("true")
    (tmp_path / "late.pkl").write_bytes(content[:-2] + bomb + content[-2:])
    with pytest.raises(WeightsError, match="refused: the pickle names posix.system"):
        load_generator(tmp_path / "late.pkl")


def test_allowed_names_are_records_not_functions(golden_pickle):
    """Even the names that networks use are never looked up: a fake ``torch_utils`` does not have to exist."""
    assert "torch_utils" not in sys.modules
    load_generator(golden_pickle)
    assert "torch_utils" not in sys.modules and "dnnlib" not in sys.modules


@pytest.mark.parametrize("length", [0, 1, 100, 50_000, 500_000, -1])
def test_a_network_cut_short_names_the_file(tmp_path, golden_pickle, length):
    (tmp_path / "cut.pkl").write_bytes(golden_pickle.read_bytes()[:length])
    with pytest.raises(WeightsError, match=r"cut.pkl: "):
        load_generator(tmp_path / "cut.pkl")


def test_damage_anywhere_never_gets_past_the_reader(tmp_path, golden_pickle):
    content, random = golden_pickle.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[int(random.integers(0, 2600))] ^= int(
            random.integers(1, 256)
        )  # the head, where the structure is
        (tmp_path / "damaged.pkl").write_bytes(damaged)
        try:
            load_generator(tmp_path / "damaged.pkl")
        except WeightsError as error:
            assert "damaged.pkl" in str(error)


@pytest.mark.parametrize(
    "shape", [((5,), (1,)), ((10**6, 10**6), (0, 0)), ((2,), (3,), 3), ((2, 2), (2,)), ((-1,), (1,))]
)
def test_a_tensor_beyond_its_data_is_refused(tmp_path, call, storage_of, shape):
    """A pickle with one tensor of this size, stride and offset over four numbers."""
    size, stride, offset = (*shape, 0)[:3]
    storage = call(torch.storage._load_from_bytes, storage_of(torch.arange(4.0)))
    tensor = call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, None)
    (tmp_path / "large.pkl").write_bytes(pickle.dumps({"G_ema": tensor}))
    with pytest.raises(WeightsError, match="large.pkl: a tensor"):
        load_generator(tmp_path / "large.pkl")


def test_structures_that_explode_do_not(tmp_path):
    """Lists of lists that each refer twice to the one before: 2**60 leaves in 1 kB."""
    layers: list = [0]
    for _ in range(60):
        layers = [layers, layers]
    loop: list = []
    loop.append(loop)
    (tmp_path / "laughs.pkl").write_bytes(pickle.dumps({"a": layers, "b": loop}))
    with pytest.raises(WeightsError, match="holds no generator; it holds: no network"):
        load_generator(tmp_path / "laughs.pkl")


def test_other_pickles_say_what_they_are(tmp_path):
    (tmp_path / "numbers.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(WeightsError, match="numbers.pkl: not a readable network pickle"):
        load_generator(tmp_path / "numbers.pkl")
    (tmp_path / "tf.pkl").write_bytes(b"\x80\x02cdnnlib.tflib.network\nNetwork\n.")
    with pytest.raises(WeightsError, match="TensorFlow pickle; convert it with legacy.py"):
        load_generator(tmp_path / "tf.pkl")
