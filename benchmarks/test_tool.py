"""The command line beside a plain script, and beside deface where it is there (``DEFACE``: its command)."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.others import PORTRAITS
from deid.evaluation import costs
from deid.photo import images

ROOT = Path(__file__).parents[1]
SAMPLE, GROUP = ROOT / "media" / "sample.jpg", ROOT / "media" / "group.jpg"
DEFACE = os.environ.get("DEFACE", "deface")
DEID, PLAIN = [sys.executable, "-m", "deid"], [sys.executable, str(ROOT / "benchmarks" / "plain.py")]
OWN = {"default": [], "no check": ["--no-verify"], "blur": ["--method", "blur", "--no-verify"]}
WAYS = pytest.mark.parametrize("way", [*OWN, "deface", "plain"])
# Portraits in a folder of web photos, in one that several processes do, and in one of 200 photos.
WEB, MANY, FOLDER = 10, 18, 198


def command(way: str, photos: list[Path]) -> list[str]:
    """The words that hide the faces of photos in one way, into the folder ``{out}``."""
    names = list(map(str, photos))
    if way == "deface":
        if not shutil.which(DEFACE):
            pytest.skip("not run: deface is not installed (pip install deface onnxruntime)")
        copied = " ".join(f"'{{out}}/{photo.name}'" for photo in photos)  # it writes beside its input
        return ["sh", "-c", f"cp {' '.join(map(repr, names))} '{{out}}' && {DEFACE} {copied}"]
    return [*PLAIN, "{out}", *names] if way == "plain" else [*DEID, *names, "-o", "{out}", *OWN[way]]


@pytest.fixture(scope="session")
def camera(tmp_path_factory) -> list[Path]:
    """Photos of 12, 24 and 100 megapixels with two large faces."""
    folder, photo = tmp_path_factory.mktemp("camera"), images.load(SAMPLE)
    torch.set_num_threads(1)
    photos = [folder / f"{megapixels}.jpg" for megapixels in (12, 24, 100)]
    for path in photos:
        images.save(costs.enlarged(photo, int(path.stem) * 1_000_000), path)
    return photos


def web(count: int) -> list[Path]:
    """Web photos: twelve faces, two, and so many portraits of people who do not exist."""
    portraits = sorted(path for path in PORTRAITS.glob("*") if path.suffix in images.SUFFIXES)[:count]
    if len(portraits) < count:
        pytest.skip(f"not run: {PORTRAITS} has no {count} portraits (PORTRAITS=FOLDER)")
    return [GROUP, SAMPLE, *portraits]


@pytest.mark.parametrize("way", ["deid", "deface", "plain"])
def test_help(run, way):
    """Start-up; the plain way is a program that imports PyTorch before it looks at its arguments."""
    if way == "deface" and not shutil.which(DEFACE):
        pytest.skip("not run: deface is not installed (pip install deface onnxruntime)")
    plain = [sys.executable, "-c", "import argparse, torch; argparse.ArgumentParser().print_help()"]
    run({"deid": [*DEID, "--help"], "deface": [DEFACE, "--help"], "plain": plain}[way])


@WAYS
def test_first_photo(run, way):
    run(command(way, [SAMPLE]))


@WAYS
def test_camera_photo_of_12_megapixels(run, way, camera):
    run(command(way, camera[:1]))


@WAYS
def test_camera_photo_of_24_megapixels(run, way, camera):
    run(command(way, camera[1:2]))


@pytest.mark.parametrize("way", ["default", "plain"])  # deface 1.5.0 ends with an error
def test_photo_of_100_megapixels(run, way, camera):
    run(command(way, camera[2:]))


@WAYS
def test_web_photos(run, way):
    run(command(way, web(WEB)))


@pytest.mark.parametrize("way", ["default", "deface", "plain"])
def test_folder_of_200_photos(run, way):
    run(command(way, web(FOLDER)))


@pytest.mark.wall
@pytest.mark.parametrize("way", ["one process", "two processes", "auto"])
def test_workers(run, way):
    workers = {"one process": "1", "two processes": "2", "auto": "auto"}[way]
    run(
        [*DEID, *map(str, web(MANY)), "-o", "{out}", "--no-verify", "--workers", workers],
        {"TQDM_DISABLE": "1"},
    )
