"""What of the machine a run takes."""

import ctypes
import os
import subprocess
import sys

import pytest

from deid import machine

HELD = """
import resource, torch
from deid import machine
machine.hold_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(30_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for _ in range(20)][-1])
machine.hold_memory(machine.LARGE)
print(faults())
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc"
)
def test_memory_is_not_cleared_again_but_for_a_very_large_photo():
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    held, given_back = map(int, done.stdout.split())
    assert held < 1000 and given_back > 25_000, "30,000 pages where all of it goes back to the system"


def test_where_the_library_is_another_one_nothing_is_done(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    machine.hold_memory()


@pytest.mark.parametrize(
    ("photos", "pixels", "cores", "gigabytes", "wanted"),
    [
        (200, 1_000_000, 2, 16, 2),
        (200, 1_000_000, 8, 64, 8),
        (15, 1_000_000, 8, 64, 1),
        (16, 1_000_000, 8, 64, 2),
        (200, 200_000_000, 8, 64, 2),
        (200, 200_000_000, 8, 16, 1),
        (200, 12_000_000, 16, 16, 4),
        (0, 0, 8, 64, 1),
    ],
)
def test_there_are_as_many_processes_as_have_photos_cores_and_memory(
    photos, pixels, cores, gigabytes, wanted
):
    assert machine.processes(photos, pixels, cores, gigabytes << 30) == wanted


def test_what_others_do_leaves_fewer_cores(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.4, 0, 0), raising=False)
    assert machine.idle() == machine.cores()
    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0, 0), raising=False)
    assert machine.idle() == 1 and machine.processes(1000, 1000) == 1


def test_this_machine_has_cores_and_memory():
    assert machine.cores() >= machine.idle() >= 1 and machine.memory() >= 0
    assert machine.processes(1000, 1000) >= 1
