"""Devices by name: the best one of this machine, or an error that says what to write."""

import pytest
import torch

from deid.devices import resolve_device


def test_auto_is_a_device_of_this_machine():
    device = resolve_device("auto")
    assert torch.zeros(1, device=device).device.type == device
    assert device == "cuda" or not torch.cuda.is_available()


def test_a_device_that_is_there_is_itself():
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["tpu", "", "CPU", "gpu:0"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda or mps, not"):
        resolve_device(name)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda:1"):
        with pytest.raises(ValueError, match=f"device {name} is not available.*use --device auto"):
            resolve_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == "cuda" and resolve_device("cuda:1") == "cuda:1"
