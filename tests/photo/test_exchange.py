"""What Python programs hold becomes the photo that its file is; what is written is what its name says."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import deid
from deid.photo import exchange, images, opening
from deid.photo.images import ImageError


def test_a_path_bytes_an_image_and_an_array_are_one_photo(sample_path):
    photo = images.load(sample_path)
    with Image.open(sample_path) as opened:
        opened.load()
        forms = [sample_path, str(sample_path), sample_path.read_bytes(), opened, np.asarray(opened), photo]
    for given in forms:
        assert torch.equal(exchange.as_photo(given).pixels, photo.pixels), type(given)
    assert exchange.as_photo(sample_path.read_bytes()).format == "JPEG"


def test_grey_alpha_and_turned_images_look_as_they_are_meant():
    grey = np.tile(np.arange(200, dtype=np.uint8), (50, 1))
    seen = exchange.as_photo(grey)
    assert seen.grey and seen.size == (200, 50)
    assert np.array_equal(images.to_uint8(seen.pixels)[0, ..., 0], grey)
    clear = np.dstack([grey, grey, grey, np.zeros_like(grey)])
    assert (exchange.as_photo(clear).pixels == 1).all() and exchange.as_photo(clear).lost
    turned = Image.fromarray(grey)
    turned.getexif()[opening.ORIENTATION] = 6
    assert exchange.as_photo(turned).size == (50, 200)


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        b"",
        b"no photo",
    ],
)
def test_what_is_no_picture_is_refused(given):
    with pytest.raises(ImageError, match="array|<bytes>"):
        exchange.as_photo(given)


@pytest.mark.parametrize("given", [None, 3, [[0, 1]]])
def test_other_things_are_no_photo(given):
    with pytest.raises(TypeError, match="give a path, bytes"):
        exchange.as_photo(given)


def test_anonymize_takes_bytes_and_the_result_is_that_of_the_file(sample_path, sample_faces):
    results = [
        deid.anonymize(given, found=sample_faces, method="blackout", verify=False)
        for given in (sample_path, sample_path.read_bytes())
    ]
    assert torch.equal(results[0].photo.pixels, results[1].photo.pixels)


@pytest.mark.parametrize(
    ("name", "written"), [("a.png", "PNG"), ("a.JPEG", "JPEG"), ("a.webp", "WEBP"), ("a.tif", "TIFF")]
)
def test_the_name_says_the_format(sample, tmp_path, name, written):
    deid.save(sample, tmp_path / name)
    with Image.open(io.BytesIO((tmp_path / name).read_bytes())) as found:
        assert found.format == written and found.size == sample.size
    assert (images.load(tmp_path / name).pixels - sample.pixels).abs().mean() < 0.02


@pytest.mark.parametrize("name", ["a", "a.txt", "a.gif"])
def test_a_name_of_no_format_is_refused_and_leaves_nothing(sample, tmp_path, name):
    with pytest.raises(ImageError, match=r"no format is called .*\.jpg"):
        deid.save(sample, tmp_path / name)
    assert not list(tmp_path.iterdir())
