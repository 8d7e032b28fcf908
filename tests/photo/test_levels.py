"""Numbers of a file become what they look like; what is lost on the way is said."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageCms

from deid.__main__ import main
from deid.photo import gamut, images, levels
from deid.photo.images import ImageError

RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))


def grey_profile(gamma: float) -> bytes:
    """An ICC profile (version 2) of a grey scanner whose light is its numbers to the power of ``gamma``."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    name = b"grey\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    described += bytes(-len(described) % 4)
    tags, body, at = b"", b"", 128 + 4 + 3 * 12
    for label, content in ((b"desc", described), (b"wtpt", white), (b"kTRC", curve)):
        tags += label + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, b"scnr", b"GRAY", b"XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    head += bytes(128 - len(head))
    whole = head + struct.pack(">I", 3) + tags + body
    return struct.pack(">I", len(whole)) + whole[4:]


def ink_profile() -> bytes:
    """A profile (version 2) of a press: white paper, a "cyan" that is red on it, and three black inks."""
    paper, red, black = (255, 128, 128), (136, 208, 195), (0, 128, 128)  # Lab in 8 bits
    corners = [paper if not n else red if n == 8 else black for n in range(16)]  # cyan is the highest bit
    ramp, unit = bytes(range(256)), (65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + struct.pack(">9i", *unit)
    table += 4 * ramp + b"".join(map(bytes, corners)) + 3 * ramp
    described = b"desc\0\0\0\0" + struct.pack(">I", 4) + b"ink\0" + bytes(80)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags, body = b"", b""
    for label, content in ((b"desc", described), (b"wtpt", white), (b"A2B0", table)):
        tags += label + struct.pack(">II", 132 + 36 + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = bytes(8) + b"\x02\x40\0\0prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    whole = head + bytes(128 - len(head)) + struct.pack(">I", 3) + tags + body
    return struct.pack(">I", len(whole)) + whole[4:]


def loaded(path) -> np.ndarray:
    return images.to_uint8(images.load(path).pixels)[0].astype(int)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_is_applied(tmp_path, mode):
    Image.fromarray(RAMP).convert(mode).save(tmp_path / "a.png", icc_profile=grey_profile(1.5))
    light = (RAMP[0] / 255) ** 1.5
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(loaded(tmp_path / "a.png")[0, :, 0] - srgb).max() <= 2
    photo = images.load(tmp_path / "a.png")
    assert photo.grey and not photo.lost
    images.save(photo, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as written:
        assert written.mode == "L" and "icc_profile" not in written.info


def test_a_profile_that_cannot_be_read_is_said(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png", icc_profile=b"no profile")
    assert images.load(tmp_path / "a.png").lost == ("the colour profile could not be read",)


@pytest.mark.parametrize("profile", [False, True])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_lossless_webp_stays_lossless_with_a_profile_too(tmp_path, profile, lossless):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    more = {"icc_profile": srgb} if profile else {}
    Image.fromarray(noise).save(tmp_path / "a.webp", lossless=lossless, **more)
    photo = images.load(tmp_path / "a.webp")
    assert photo.options.get("lossless", False) == lossless
    images.save(photo, tmp_path / "b.webp")
    assert (np.abs(loaded(tmp_path / "b.webp") - loaded(tmp_path / "a.webp")).max() == 0) == lossless


@pytest.mark.parametrize(
    ("values", "suffix", "lost"),
    [
        (RAMP.astype(np.float32) / 255, ".tif", "floating point from 0 to 1 became 8 bits"),
        (RAMP.astype(np.float32), ".tif", "the numbers became 8 bits"),
        (RAMP.astype(np.uint16) * 16, ".tif", "12 bits became 8"),
        (RAMP.astype(np.uint16) * 16, ".png", "12 bits became 8"),
        (RAMP.astype(np.uint16) * 257, ".png", "16 bits a channel became 8"),
    ],
)
def test_deep_numbers_look_as_they_are_meant(tmp_path, values, suffix, lost):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(values).save(path)
    assert np.abs(loaded(path)[..., 0] - RAMP).max() <= 1
    assert images.load(path).lost == (lost,)


def test_colours_of_16_bits_are_said_to_become_8(tmp_path):
    rows = b"".join(b"\0" + (RAMP[0].astype(">u2") * 257).repeat(3).tobytes() for _ in range(64))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert np.abs(loaded(tmp_path / "a.png")[..., 0] - RAMP).max() <= 1
    assert images.load(tmp_path / "a.png").lost == ("16 bits a channel became 8",)


def test_a_little_beyond_one_is_white_and_not_all_black(tmp_path):
    values = RAMP.astype(np.float32) / 255
    values[3, 4] = 1.05
    Image.fromarray(values).save(tmp_path / "a.tif")
    seen = loaded(tmp_path / "a.tif")[..., 0]
    assert seen[3, 4] == 255 and np.abs(np.delete(seen, 3, 0) - RAMP[1:]).max() <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused_by_name(tmp_path, value):
    values = RAMP.astype(np.float32)
    values[3, 4] = value
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"a\.tif: .*not finite.*save it again"):
        images.load(tmp_path / "a.tif")


def test_transparency_is_said_where_something_shines_through(tmp_path):
    picture = Image.fromarray(RAMP).convert("RGBA")
    picture.save(tmp_path / "opaque.png")
    picture.putalpha(128)
    picture.save(tmp_path / "half.png")
    assert images.load(tmp_path / "opaque.png").lost == ()
    assert images.load(tmp_path / "half.png").lost == ("transparency became white",)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_a_palette_stays_one_while_its_colours_suffice(tmp_path, suffix):
    every = np.arange(256, dtype=np.uint8)
    stored = Image.fromarray(np.tile(every.reshape(16, 16), (1, 2)))  # each of 256 colours, twice
    stored.putpalette(np.stack([every, 255 - every, every * 7], 1).tobytes())
    stored.save(tmp_path / f"a.{suffix}")
    photo = images.load(tmp_path / f"a.{suffix}")
    for change, mode, lost in ((None, "P", []), (0.5, "RGB", ["the palette became full colour"])):
        if change:
            photo.pixels[0, :, 3, 4] = change
        images.save(photo, tmp_path / f"b.{suffix}")
        with Image.open(tmp_path / f"b.{suffix}") as written:
            assert written.mode == mode
        assert (loaded(tmp_path / f"b.{suffix}") == images.to_uint8(photo.pixels)[0]).all()
        assert images.losses(photo) == lost


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_ink_is_seen_as_its_profile_means_it(tmp_path, suffix):
    options = {"quality": 100} if suffix == "jpg" else {}
    Image.new("CMYK", (40, 40), (255, 0, 0, 0)).save(
        tmp_path / f"a.{suffix}", icc_profile=ink_profile(), **options
    )
    red, green, blue = loaded(tmp_path / f"a.{suffix}")[20, 20]
    assert red > 230 and max(green, blue) < 40, "red, where cyan is what the numbers alone say"
    photo = images.load(tmp_path / f"a.{suffix}")
    assert photo.lost == ("ink colours (CMYK) became RGB",)
    images.save(photo, tmp_path / f"b.{suffix}")
    with Image.open(tmp_path / f"b.{suffix}") as written:
        assert written.mode == "RGB" and "icc_profile" not in written.info


def test_ink_becomes_rgb_and_previews_go_and_both_are_said(tmp_path):
    Image.fromarray(RAMP).convert("CMYK").save(tmp_path / "a.jpg")
    assert images.load(tmp_path / "a.jpg").lost == ("ink colours (CMYK) became RGB",)
    picture = Image.fromarray(RAMP).convert("RGB")
    picture.save(tmp_path / "b.jpg", "MPO", save_all=True, append_images=[picture])
    assert images.load(tmp_path / "b.jpg").lost == (
        "1 more pictures in the file (previews, a gain map) left out",
    )


def test_the_command_line_and_the_manifest_say_what_was_lost(sample_path, tmp_path, capsys):
    with Image.open(sample_path) as sample:
        sample.quantize(64).save(tmp_path / "p.png")
    assert main([str(tmp_path / "p.png"), "-o", str(tmp_path / "out"), "--method", "blur"]) == 0
    assert " blur; the palette became full colour" in capsys.readouterr().out
    assert '"the palette became full colour"' in (tmp_path / "out" / "p.png.json").read_text()


def test_a_webp_without_a_picture_is_not_lossless():
    assert not levels.is_lossless_webp(io.BytesIO(b"RIFF\4\0\0\0WEBP"))


def test_colours_that_no_profile_announces_are_said(tmp_path):
    picture = Image.fromarray(RAMP).convert("RGB")
    said = ("colours that are not those of sRGB, without a profile, were read as such",)
    picture.save(tmp_path / "a.avif")
    content = (tmp_path / "a.avif").read_bytes()
    at = content.index(b"colrnclx") + 8
    assert images.load(tmp_path / "a.avif").lost == ()
    (tmp_path / "p3.avif").write_bytes(content[: at + 1] + b"\x0c" + content[at + 2 :])
    assert images.load(tmp_path / "p3.avif").lost == said
    chunk = b"cICP\x0c\x01\0\1"
    picture.save(tmp_path / "a.png")
    plain = (tmp_path / "a.png").read_bytes()
    (tmp_path / "p3.png").write_bytes(
        plain[:33] + b"\0\0\0\4" + chunk + struct.pack(">I", zlib.crc32(chunk)) + plain[33:]
    )
    assert images.load(tmp_path / "p3.png").lost == said
    for space, lost in ((1, ()), (65535, said)):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0xA001] = space
        picture.save(tmp_path / "a.jpg", exif=exif)
        assert images.load(tmp_path / "a.jpg").lost == lost


def test_a_bilevel_picture_stays_grey_under_a_profile_of_colours(tmp_path):
    wide = gamut.Space("Display P3", gamut.CURVES[0]).profile()
    Image.fromarray(RAMP).convert("1").save(tmp_path / "a.png", icc_profile=wide)
    photo = images.load(tmp_path / "a.png")
    assert photo.grey and photo.space is None and photo.lost == ("the colour profile could not be read",)


def test_a_palette_in_a_wide_space_is_counted_in_its_own_numbers(tmp_path):
    wide = gamut.Space("Display P3", gamut.CURVES[0]).profile()
    Image.fromarray(RAMP).convert("RGB").quantize(9).save(tmp_path / "a.png", icc_profile=wide)
    photo = images.load(tmp_path / "a.png")
    reds = np.zeros((20, 20, 3), np.uint8)
    reds[..., 0], reds[..., 1] = 255, np.arange(400).reshape(20, 20) // 20
    reds[..., 2] = np.arange(400).reshape(20, 20) % 20
    photo = replace(photo, pixels=photo.space.decode(reds))  # nearly all one red in sRGB
    assert images.losses(photo) == ["the palette became full colour"]
