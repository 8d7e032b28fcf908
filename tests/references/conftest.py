"""What the tests of references share: a tar of two portraits, and a library of them."""

import tarfile
from pathlib import Path

import pytest
from PIL import Image

from deid.photo import images
from deid.references.build import build
from deid.references.library import Library
from deid.references.sources import PortraitSource, folder_portraits, openpeople_portraits

PLACE = (90, 6, 520, 522)  # of the left person in media/sample.jpg


@pytest.fixture(scope="session")
def portrait_tar(tmp_path_factory, sample_path) -> Path:
    """A tar file with a person of the sample photo, one of openpeople, and a picture without a face."""
    folder = tmp_path_factory.mktemp("portraits")
    with Image.open(sample_path) as photo:
        photo.crop(PLACE).save(folder / "left.jpg", quality=95)
    other = next(one for one in openpeople_portraits(("P002",)) if one.name.endswith("-neutral"))
    Image.fromarray(images.to_uint8(images.shrink(other.pixels, 516))[0]).save(folder / "right.jpg")
    Image.new("RGB", (300, 300), "teal").save(folder / "teal.png")
    path = folder / "two-people.tar"
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.glob("*.*g")):
            archive.add(file, f"set/{file.name}")
    return path


@pytest.fixture(scope="session")
def two_people(portrait_tar) -> PortraitSource:
    return folder_portraits(portrait_tar, "two people", "for tests")


@pytest.fixture(scope="session")
def small_path(tmp_path_factory, two_people) -> Path:
    """The file of a library of two references."""
    path = tmp_path_factory.mktemp("small") / "people.safetensors"
    for _ in build(two_people, path):
        pass
    return path


@pytest.fixture
def small(small_path) -> Library:
    """A library of two references."""
    return Library.open(small_path)
