"""Colours beyond sRGB come back as they were, under a profile that says nothing of the file."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from deid.anonymization.pipeline import anonymize
from deid.photo import gamut, images
from deid.photo.gamut import CURVES, PRIMARIES, Space

EVERY = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
# As Apple and Adobe publish them: XYZ of red, green and blue under D50, from their profiles.
PUBLISHED = {
    "Display P3": ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)),
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
}


def profile(colorants, curve: bytes, secret: bytes = b"", kind: bytes = b"RGB ") -> bytes:
    """A profile (version 2) as a camera or a monitor writes it, with a text of its own."""
    texts = b"desc\0\0\0\0" + struct.pack(">I", len(secret) + 1) + secret + bytes(79 + -len(secret) % 4)
    tags = {b"desc": texts, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    for label, place in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True):
        tags[label] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in place))
    table, body = struct.pack(">I", len(tags)), b""
    for label, content in tags.items():
        table += label + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = bytes(8) + b"\x02\x40\0\0mntr" + kind + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    whole = head + bytes(128 - len(head)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: f"{curve[0]:.2f}-{curve[3]:.2f}")
@pytest.mark.parametrize("name", PRIMARIES)
def test_every_number_comes_back(name, curve):
    space = Space(name, curve)
    assert (space.encode(space.decode(EVERY)) == EVERY).all()
    assert gamut.space_of(space.profile()).name == name


@pytest.mark.parametrize("name", PRIMARIES)
def test_colours_are_those_that_littlecms_sees(name):
    space = Space(name, CURVES[0])
    source = ImageCms.ImageCmsProfile(io.BytesIO(space.profile()))
    seen = ImageCms.profileToProfile(
        Image.fromarray(EVERY), source, ImageCms.createProfile("sRGB"), renderingIntent=1, outputMode="RGB"
    )
    pixels = space.decode(EVERY)
    inside = (pixels.abs() < 1).all(1)[0].numpy()
    assert 0.1 < inside.mean() < 0.9, "some colours lie in sRGB, some beyond"
    assert np.abs(images.to_uint8(pixels)[0].astype(int) - np.asarray(seen))[inside].max() <= 1


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_profiles_are_known(name):
    curve = gamma(1.8 if name == "ProPhoto" else 563 / 256)
    assert gamut.space_of(profile(PUBLISHED[name], curve)).name == name
    assert gamut.reaches_beyond(profile(PUBLISHED[name], curve))


def test_other_profiles_are_none_of_these():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert gamut.space_of(srgb) is None and not gamut.reaches_beyond(srgb)
    wide = PUBLISHED["Display P3"]
    for other in (
        profile(wide, gamma(3)),
        profile(wide, gamma(2.2), kind=b"GRAY"),
        b"",
        b"no profile",
        srgb[:200],
    ):
        assert gamut.space_of(other) is None


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_wide_photo_stays_wide_and_its_profile_is_a_new_one(tmp_path, suffix):
    own = profile(PUBLISHED["Adobe RGB"], gamma(563 / 256), b"Elm Street 7")
    more = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(EVERY).save(tmp_path / f"a.{suffix}", icc_profile=own, **more)
    photo = images.load(tmp_path / f"a.{suffix}")
    assert photo.space.name == "Adobe RGB" and photo.pixels.abs().max() > 1.05 and not photo.lost
    images.save(photo, tmp_path / f"b.{suffix}")
    with Image.open(tmp_path / f"a.{suffix}") as read, Image.open(tmp_path / f"b.{suffix}") as written:
        difference = np.abs(np.asarray(read, int) - np.asarray(written, int))
        assert gamut.space_of(written.info["icc_profile"]) == photo.space
    assert difference.max() <= (4 if suffix == "jpg" else 0)
    assert b"Elm Street 7" not in (tmp_path / f"b.{suffix}").read_bytes()


def test_a_wide_profile_of_no_known_space_is_said_to_become_srgb(tmp_path):
    Image.fromarray(EVERY).save(tmp_path / "a.png", icc_profile=profile(PUBLISHED["Display P3"], gamma(3)))
    photo = images.load(tmp_path / "a.png")
    assert photo.space is None and photo.lost == ("the colour profile became sRGB",)
    assert photo.pixels.abs().max() <= 1


def test_where_no_face_was_the_numbers_stay(tmp_path, sample_path, sample_faces):
    own = profile(PUBLISHED["Display P3"], gamma(2.2))
    with Image.open(sample_path) as sample:
        sample.save(tmp_path / "a.png", icc_profile=own)
    result = anonymize(tmp_path / "a.png", method="blackout", verify=False, found=sample_faces)
    images.save(result.photo, tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as read, Image.open(tmp_path / "b.png") as written:
        before, after = np.asarray(read), np.asarray(written)
    hidden = result.hidden[0, 0].numpy() > 0.5
    assert hidden.any() and (after[hidden] == 0).all() and (after[~hidden] == before[~hidden]).all()
