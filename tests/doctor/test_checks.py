"""What is missing or damaged is found, and named with what mends it."""

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from deid.doctor import checks, shipped
from deid.doctor.checks import ABSENT, BROKEN, OK

ROOT = Path(__file__).parents[2]


def test_weights_that_are_wrong_stop_the_tool_but_for_those_of_training(monkeypatch):
    wrong = {shipped.TRAINING_ONLY[0]: "missing", "recognition/openface.safetensors": "missing"}
    monkeypatch.setattr(shipped, "wrong", lambda package: wrong)
    absent, broken, fine = checks.weights()
    assert (absent.state, broken.state, fine.state) == (ABSENT, BROKEN, OK)
    assert "checkout" in absent.fix and broken.what == "recognition/openface.safetensors"


def test_every_package_that_a_run_needs_is_asked_for():
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert set(checks.NEEDED) == {re.split(r"[<>=]", line)[0] for line in lines}
    assert {finding.state for finding in checks.packages()} == {OK}


def test_a_package_that_is_missing_or_broken_is_named_with_the_fix(monkeypatch, tmp_path):
    (tmp_path / "brokenpackage.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(checks, "NEEDED", {"torchvision": "brokenpackage", "tqdm": "nosuchpackage"})
    broken, missing = checks.packages()
    assert (broken.state, missing.state) == (BROKEN, BROKEN)
    assert "nms does not exist" in broken.told and "download.pytorch.org/whl/cpu" in broken.fix
    assert missing.told == "not installed" and missing.fix == "pip install tqdm"


def test_an_extra_that_is_missing_stops_nothing(monkeypatch):
    monkeypatch.setattr(checks, "OPTIONAL", {("numpy", "nosuchpackage"): ("clips", "'deid-faces[video]'")})
    (found,) = checks.extras()
    assert found.state == ABSENT and found.told == "for clips; not installed: nosuchpackage"
    assert found.fix == "pip install 'deid-faces[video]'"


def test_an_old_python_and_an_intel_mac_are_refused(monkeypatch):
    assert checks.python().state == OK
    monkeypatch.setattr(checks.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(checks.platform, "machine", lambda: "x86_64")
    assert checks.python().state == BROKEN and "Intel Macs" in checks.python().fix
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert checks.python().state == BROKEN and "3.11 to 3.13" in checks.python().fix


@pytest.mark.parametrize(
    ("free", "writable", "state"), [(2e9, True, OK), (1e8, True, ABSENT), (2e9, False, BROKEN)]
)
def test_places_without_room_or_rights_are_named(monkeypatch, free, writable, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(4e9, 0, free))
    monkeypatch.setattr(checks.os, "access", lambda path, mode: writable)
    assert {finding.state for finding in checks.places()} == {state}


def test_a_library_that_is_missing_or_damaged_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert checks.library().state == ABSENT and checks.library().fix == "deid references build"
    (tmp_path / "deid" / "references").mkdir(parents=True)
    (tmp_path / "deid" / "references" / "people.safetensors").write_bytes(b"damaged")
    assert checks.library().state == BROKEN and "people.safetensors" in checks.library().told


def test_clips_need_an_encoder_and_a_processor_is_enough(monkeypatch):
    assert checks.hardware().state == OK
    assert checks.encoder().state == OK
    monkeypatch.setitem(sys.modules, "av", None)
    assert checks.encoder().state == ABSENT and "deid-faces[video]" in checks.encoder().fix
