"""What looks like a picture is known by its name or its first bytes, and says what it needs."""

import io

import pytest
from PIL import Image, TiffImagePlugin, features

from deid.photo import formats, images
from deid.photo.images import ImageError

NO_HEIF = pytest.mark.skipif("HEIF" in Image.OPEN, reason="pillow-heif is installed")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def encoded(format: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "tan").save(buffer, format, **options)
    return buffer.getvalue()


BY_CONTENT = {
    **{format: encoded(format) for format in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "JPEG2000")},
    "MPO": encoded("MPO", save_all=True, append_images=[Image.new("RGB", (40, 30))]),
    "big-endian TIFF": b"MM\0*\0\0\0\x08",
    "HEIC": HEIC,
    "AVIF": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
    "Canon": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
    "Fuji": b"FUJIFILMCCD-RAW 0201",
}


@pytest.mark.parametrize("kind", BY_CONTENT)
@pytest.mark.parametrize("name", ["holiday", "holiday.bak", "._holiday.jpg"])
def test_a_picture_is_known_by_its_bytes_whatever_its_name(tmp_path, kind, name):
    (tmp_path / name).write_bytes(BY_CONTENT[kind])
    assert formats.is_picture(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["a.JPG", "a.heic", "a.HIF", "a.avif", "a.nef", "a.DNG", "a.jfif", "a.mpo", "a.gif", "a.jxl"]
)
def test_a_picture_is_known_by_its_name_even_where_nothing_can_be_opened(tmp_path, name):
    assert formats.is_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"BMW, and II cats"),
        ("sound", b"RIFF\0\0\0\0WAVE"),
        ("film.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isom"),
        ("empty", b""),
        ("._a.jpg", b"\x00\x05\x16\x07Mac OS X"),
    ],
)
def test_other_files_are_no_pictures(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert not formats.is_picture(tmp_path / name)


@NO_HEIF
@pytest.mark.parametrize("name", ["IMG_1.HEIC", "sent-by-phone.jpg"])
def test_heic_names_what_reads_it(tmp_path, name):
    (tmp_path / name).write_bytes(HEIC)
    with pytest.raises(
        ImageError, match=rf"{name}: HEIC needs pillow-heif: pip install 'deid-faces\[heif\]'"
    ):
        images.load(tmp_path / name)


def test_heic_is_read_and_written_with_the_extra(tmp_path, sample_path):
    pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x010E] = "secret"
    with Image.open(sample_path) as photo:
        photo.save(tmp_path / "a.heic", "HEIF", exif=exif)
    assert b"secret" in (tmp_path / "a.heic").read_bytes()
    photo = images.load(tmp_path / "a.heic")
    images.save(photo, tmp_path / "b.heic")
    again = images.load(tmp_path / "b.heic")
    assert again.size == photo.size and (again.pixels - photo.pixels).abs().mean() < 0.02
    assert b"secret" not in (tmp_path / "b.heic").read_bytes()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_stays_avif(tmp_path, sample_path):
    with Image.open(sample_path) as photo:
        photo.resize((290, 180)).save(tmp_path / "a.avif")
    photo = images.load(tmp_path / "a.avif")
    images.save(photo, tmp_path / "b.avif")
    with Image.open(tmp_path / "b.avif") as written:
        assert written.format == "AVIF"
    assert (images.load(tmp_path / "b.avif").pixels - photo.pixels).abs().mean() < 0.02


@pytest.mark.parametrize("name", ["a.nef", "preview.tif", "dng.tif"])
def test_the_preview_of_a_raw_file_is_not_its_photo(tmp_path, name):
    """Decoders give the first picture of such a file: a preview of 160 pixels."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if name == "preview.tif":
        tags[254] = 1
    if name == "dng.tif":
        tags.tagtype[0xC612] = 1
        tags[0xC612] = b"\1\4\0\0"
    (tmp_path / name).write_bytes(encoded("TIFF", tiffinfo=tags))
    with pytest.raises(ImageError, match="raw file; develop it"):
        images.load(tmp_path / name)


def test_a_raw_file_that_no_decoder_knows_is_called_so(tmp_path):
    (tmp_path / "a.cr3").write_bytes(BY_CONTENT["Canon"])
    with pytest.raises(ImageError, match="raw file; develop it"):
        images.load(tmp_path / "a.cr3")
