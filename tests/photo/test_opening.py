"""Photos are opened without waiting, and their size is that of the upright photo."""

import os

import pytest
from PIL import Image

from deid.photo import images, opening
from deid.photo.formats import ImageError


@pytest.mark.parametrize(("orientation", "size"), [(1, (30, 20)), (6, (20, 30))])
def test_the_size_is_that_of_the_upright_photo(tmp_path, orientation, size):
    exif = Image.Exif()
    exif[opening.ORIENTATION] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert opening.size_of(tmp_path / "a.jpg") == size


def test_what_has_no_size_has_none(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    assert opening.size_of(tmp_path / "a.jpg") is None
    assert opening.size_of(tmp_path / "missing.jpg") is None


def test_what_is_no_file_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, message in (("pipe.jpg", "not a file"), ("missing.jpg", "no such file")):
        with pytest.raises(ImageError, match=f"{name}: {message}"):
            opening.open_photo(tmp_path / name)


def test_the_state_of_a_file_tells_a_write(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12")
    with opening.open_photo(path) as file:
        before = opening.state(file)
        assert opening.state(file) == before
        path.write_bytes(b"123")
        assert opening.state(file) != before


@pytest.mark.parametrize(("orientation", "size"), [(1, (30, 20)), (6, (20, 30)), (9, (30, 20))])
def test_the_size_of_a_tiff_is_that_of_the_upright_photo_with_every_pillow(tmp_path, orientation, size):
    exif = Image.Exif()
    exif[opening.ORIENTATION] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / "a.tif", exif=exif)
    assert opening.size_of(tmp_path / "a.tif") == images.load(tmp_path / "a.tif").size == size
