"""Files in, pixels, files out: upright, whole, nothing but the picture."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin

from deid.photo import images
from deid.photo.images import ImageError, Photo

ORIENTATION, DESCRIPTION, GPS = 0x0112, 0x010E, 0x8825
SECRET = b"Elm Street 7"


def picture(width: int = 80, height: int = 60) -> Image.Image:
    """Smooth, and different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([40 + 2 * x, 220 - 3 * y, 60 + x + y], -1).clip(0, 255).astype(np.uint8))


def array(photo: Photo) -> np.ndarray:
    return images.to_uint8(photo.pixels)[0].astype(int)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9))


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION], tags[DESCRIPTION] = orientation, SECRET.decode()
    tags.get_ifd(GPS)[1] = "N"
    return tags


def test_every_byte_survives_the_round_trip():
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).repeat(1, 1, 1, 3).numpy()
    pixels = images.from_uint8(every)
    assert pixels.min() == -1 and pixels.max() == 1 and pixels.dtype == torch.float32
    assert (images.to_uint8(pixels) == every).all()
    assert (
        images.to_uint8(torch.tensor([-7.0, 7.0]).reshape(1, 1, 1, 2).expand(1, 3, 1, 2))[0, 0, :, 0]
        == [0, 255]
    ).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path, suffix, orientation):
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose that undoes the tag
    upright = picture()
    turned = upright.transpose(Image.Transpose(stored[orientation])) if orientation > 1 else upright
    turned.save(tmp_path / f"a.{suffix}", exif=exif(orientation), quality=95)
    photo = images.load(tmp_path / f"a.{suffix}")
    assert photo.size == upright.size
    assert psnr(array(photo), np.asarray(upright)) > 35
    images.save(photo, tmp_path / f"b.{suffix}")
    assert psnr(array(images.load(tmp_path / f"b.{suffix}")), np.asarray(upright)) > 33


def modes() -> dict[str, tuple[Image.Image, np.ndarray]]:
    """Name of a file -> the image to be stored, and what should be seen of it."""
    colour = picture()
    rgb, grey = np.asarray(colour).astype(int), np.asarray(colour.convert("L")).astype(int)
    half = colour.copy()
    half.putalpha(
        Image.fromarray(np.repeat(np.where(np.arange(80) < 40, 255, 0)[None], 60, 0).astype(np.uint8))
    )
    on_white = rgb.copy()
    on_white[:, 40:] = 255
    grey_on_white = np.where(np.arange(80) < 40, grey, 255)
    palette = colour.quantize(200)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    as_rgb = np.asarray(palette.convert("RGB")).astype(int)
    dark = Image.fromarray(np.full((60, 80), 200, np.uint16))
    return {
        "L.png": (colour.convert("L"), grey),
        "L.jpg": (colour.convert("L"), grey),
        "1.png": (colour.convert("1"), np.asarray(colour.convert("1").convert("L")).astype(int)),
        "LA.png": (half.convert("LA"), grey_on_white),
        "RGBA.png": (half, on_white),
        "RGBA.webp": (half, on_white),
        "P.png": (palette, as_rgb),
        "CMYK.jpg": (colour.convert("CMYK"), rgb),
        "CMYK.tif": (colour.convert("CMYK"), rgb),
        "16.png": (deep, grey),
        "16-dark.png": (dark, np.full((60, 80), 12)),  # no more than 12 bits can tell
        "16.tif": (deep, grey),
        "RGB.bmp": (colour, rgb),
    }


@pytest.mark.parametrize("name", modes())
def test_every_mode_is_seen_and_written_as_it_looks(tmp_path, name):
    stored, expected = modes()[name]
    stored.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    photo = images.load(tmp_path / name)
    expected = np.repeat(expected[..., None], 3, 2) if expected.ndim == 2 else expected
    tolerance = 6 if name.endswith("jpg") else 1
    assert np.abs(array(photo) - expected).max() <= tolerance
    assert photo.grey == (stored.mode in ("1", "L", "LA", "I;16"))
    images.save(photo, tmp_path / "out" / name)
    with Image.open(tmp_path / "out" / name) as written:
        assert written.format == Image.open(tmp_path / name).format and written.size == stored.size
        assert written.mode == ("L" if photo.grey else "P" if stored.mode == "P" else "RGB")
    assert np.abs(array(images.load(tmp_path / "out" / name)) - expected).max() <= 2 * tolerance


def test_palette_transparency_becomes_white(tmp_path):
    palette = picture().quantize(8)
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((0, 0)))
    seen = array(images.load(tmp_path / "p.png"))
    assert (seen[0, 0] == 255).all() and (seen[-1, -1] < 255).any()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_profile_is_applied_and_dropped(tmp_path, mode):
    profile = swapped_profile()
    # Stored blue-green-red under a profile that says so: what is seen is red-green-blue.
    swapped = Image.fromarray(np.asarray(picture())[..., ::-1].copy())
    stored = {"RGB": swapped, "RGBA": swapped.convert("RGBA"), "P": swapped.quantize(256)}[mode]
    stored.save(tmp_path / "a.png", icc_profile=profile)
    photo = images.load(tmp_path / "a.png")
    assert psnr(array(photo), np.asarray(picture())) > (22 if mode == "P" else 28)
    images.save(photo, tmp_path / "b.png")
    assert b"iCCP" not in (tmp_path / "b.png").read_bytes()


def swapped_profile() -> bytes:
    """sRGB with its red and blue primaries exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for k in range(struct.unpack(">I", profile[128:132])[0]):
        entry = 132 + 12 * k
        tag = bytes(profile[entry : entry + 4])
        profile[entry : entry + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(tag, tag)
    return bytes(profile)


def test_nothing_but_the_picture_leaves(tmp_path):
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    thumbnail = io.BytesIO()
    picture(40, 30).save(thumbnail, "JPEG")
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", exif=exif(), comment=SECRET, quality=80)
    segment = b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\x10" + SECRET + b"...."
    segment += b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    content = buffer.getvalue()
    (tmp_path / "a.jpg").write_bytes(content[:2] + segment + content[2:] + thumbnail.getvalue() + SECRET)
    assert (tmp_path / "a.jpg").read_bytes().count(SECRET) >= 5

    images.save(images.load(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    written = (tmp_path / "b.jpg").read_bytes()
    assert SECRET not in written and b"Exif" not in written and b"xmp" not in written
    assert written.endswith(b"\xff\xd9") and written.count(b"\xff\xd8\xff") == 1
    with Image.open(tmp_path / "b.jpg") as image:
        assert not image.getexif() and set(image.info) == {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
        }


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_metadata_goes_in_every_format(tmp_path, suffix):
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET.decode())
    options = {"png": {"pnginfo": text}, "webp": {"xmp": SECRET}, "tif": {"description": SECRET.decode()}}[
        suffix
    ]
    picture().save(tmp_path / f"a.{suffix}", exif=exif(), **options)
    assert SECRET in (tmp_path / f"a.{suffix}").read_bytes()
    images.save(images.load(tmp_path / f"a.{suffix}"), tmp_path / f"b.{suffix}")
    assert SECRET not in (tmp_path / f"b.{suffix}").read_bytes()


def test_second_pictures_of_an_mpo_stay_behind(tmp_path):
    picture().save(
        tmp_path / "a.jpg", "MPO", save_all=True, append_images=[picture().rotate(180)], quality=95
    )
    with Image.open(tmp_path / "a.jpg") as stored:
        assert stored.format == "MPO" and stored.n_frames == 2
    photo = images.load(tmp_path / "a.jpg")
    assert psnr(array(photo), np.asarray(picture())) > 35
    images.save(photo, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.format == "JPEG"
    assert (tmp_path / "b.jpg").read_bytes().count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("quality, subsampling", [(98, 0), (92, 0), (75, 2), (40, 1)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_is_written_at_its_own_quality(tmp_path, sample_path, quality, subsampling, mode):
    with Image.open(sample_path) as sample:
        stored = sample.convert(mode).resize((580, 360))
    options = {} if mode == "L" else {"subsampling": subsampling}
    stored.save(tmp_path / "a.jpg", quality=quality, **options)
    photo = images.load(tmp_path / "a.jpg")
    images.save(photo, tmp_path / "b.jpg")
    with Image.open(tmp_path / "a.jpg") as a, Image.open(tmp_path / "b.jpg") as b:
        assert a.quantization == b.quantization
        assert JpegImagePlugin.get_sampling(a) == JpegImagePlugin.get_sampling(b)
    assert psnr(array(images.load(tmp_path / "b.jpg")), array(photo)) > 40
    sizes = [(tmp_path / f"{name}.jpg").stat().st_size for name in "ab"]
    assert 0.8 < sizes[1] / sizes[0] < 1.05


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_formats_change_no_pixel(tmp_path, suffix):
    picture().save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    images.save(images.load(tmp_path / f"a.{suffix}"), tmp_path / f"b.{suffix}")
    assert (array(images.load(tmp_path / f"b.{suffix}")) == np.asarray(picture())).all()


def test_failing_write_leaves_nothing(tmp_path, monkeypatch):
    photo = Photo(images.from_uint8(np.asarray(picture())))
    with pytest.raises(ImageError, match="cannot write GIF"):
        images.save(Photo(photo.pixels, "GIF"), tmp_path / "a.gif")
    (tmp_path / "taken.png").mkdir()  # the last step, the renaming, fails
    with pytest.raises(ImageError, match=r"taken\.png: cannot be written"):
        images.save(photo, tmp_path / "taken.png")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageError, match="cannot be written"):
        images.save(photo, tmp_path / "file" / "a.png")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "taken.png"]


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def encoded(format: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, format, **options)
    return buffer.getvalue()


def hostile() -> dict[str, tuple[bytes, str]]:
    """Name of a file -> its bytes, and what the message must say."""
    frames = {"save_all": True, "append_images": [picture().rotate(180)]}
    jpeg = encoded("JPEG")
    return {
        "empty.jpg": (b"", "convert it to JPEG or PNG"),
        "text.png": (b"hello", "convert it to JPEG or PNG"),
        "truncated.jpg": (jpeg[: len(jpeg) * 2 // 3], "broken or truncated"),
        "truncated.png": (encoded("PNG")[:-40], "broken or truncated"),
        "truncated.webp": (encoded("WEBP")[:-40], "convert it|broken or truncated"),
        "no-size.tif": (encoded("TIFF").replace(b"\x00\x01\x04\x00", b"\x99\x01\x04\x00"), "broken|convert"),
        "animated.webp": (encoded("WEBP", **frames), "2 pictures; give the frames"),
        "animated.png": (encoded("PNG", **frames), "2 pictures; give the frames"),
        "pages.tif": (encoded("TIFF", **frames), "2 pictures; give the frames"),
        "still.gif": (encoded("GIF"), "convert it to JPEG or PNG"),
        "large.png": (png_header(22_000, 10_000), "megapixels; scale it down"),
        "phone.png": (png_header(16_384, 12_288), "broken or truncated"),  # not too large
        "bomb.png": (png_header(110_000, 10_000), "megapixels; scale it down"),
    }


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", hostile())
def test_bad_files_are_refused_by_name_with_a_fix(tmp_path, name):
    content, message = hostile()[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=message) as error:
        images.load(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_corrupted_bytes_raise_nothing_else(tmp_path):
    random = np.random.default_rng(0)
    sources = [encoded(f, exif=exif(6)) for f in ("JPEG", "PNG", "WEBP", "TIFF")]
    sources.append(encoded("TIFF", compression="tiff_lzw"))
    refused = 0
    for _ in range(400):
        content = bytearray(sources[random.integers(len(sources))])
        for place in random.integers(
            0, min(len(content), random.choice([30, 300, 10**6])), random.integers(1, 8)
        ):
            content[place] = random.integers(256)
        (tmp_path / "a").write_bytes(content)
        try:
            images.save(images.load(tmp_path / "a"), tmp_path / "b")
        except ImageError:
            refused += 1
    assert 50 < refused < 400


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        images.load(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="no such file or folder"):
        images.find(tmp_path / "missing")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    reasons = {"folder.jpg": "not a file", "loop.jpg": "cannot be read"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        reasons["pipe.jpg"] = "not a file"
    for name, reason in reasons.items():
        with pytest.raises(ImageError, match=f"{name}: {reason}"):
            images.load(tmp_path / name)


def test_a_photo_that_changes_while_it_is_read_is_not_taken_for_whole(tmp_path, monkeypatch):
    path, turn = tmp_path / "a.png", ImageOps.exif_transpose
    picture().save(path)

    def transpose(image):
        with path.open("ab") as other:
            other.write(b"more")
        return turn(image)

    monkeypatch.setattr(ImageOps, "exif_transpose", transpose)
    with pytest.raises(ImageError, match=r"a\.png: changed while it was read"):
        images.load(path)


def test_find_walks_a_folder_in_order(tmp_path):
    names = ["b/2.JPG", "a.png", "b/1.webp", "b/notes.txt", "c.jpeg"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    found = [Path(path).relative_to(tmp_path).as_posix() for path in images.find(tmp_path)]
    assert found == ["a.png", "b/1.webp", "b/2.JPG", "c.jpeg"]
    assert images.find(tmp_path / "b" / "notes.txt") == [tmp_path / "b" / "notes.txt"]


def test_saving_over_a_link_leaves_the_photo_that_it_points_to(tmp_path):
    picture().save(tmp_path / "original.png")
    before = (tmp_path / "original.png").read_bytes()
    (tmp_path / "out.png").symlink_to(tmp_path / "original.png")
    images.save(Photo(torch.zeros(1, 3, 8, 8)), tmp_path / "out.png")
    assert (tmp_path / "original.png").read_bytes() == before
    assert images.load(tmp_path / "out.png").size == (8, 8) and not (tmp_path / "out.png").is_symlink()


def test_saving_touches_no_file_beside(tmp_path):
    """Not even one that is named as half-written files are."""
    beside = [tmp_path / name for name in (".partial-a", "a.png.tmp", "b.png")]
    for path in beside:
        path.write_text("theirs")
    images.save(Photo(torch.zeros(1, 3, 8, 8)), tmp_path / "a.png")
    assert all(path.read_text() == "theirs" for path in beside) and len(list(tmp_path.iterdir())) == 4


def test_shrinking_bounds_the_longer_side_and_never_enlarges():
    photo = torch.rand(1, 3, 60, 120)
    assert images.shrink(photo, 40).shape == (1, 3, 20, 40)
    assert images.shrink(photo, 120) is photo is images.shrink(photo, 500)
