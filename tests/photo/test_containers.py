"""The scanner finds an original in every place where a file can carry one; what is written has none."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from deid.__main__ import main
from deid.photo import containers, images
from deid.photo.gamut import CURVES, Space

SECRET = "Ann Lee, Elm Street 7"


@pytest.fixture(scope="module")
def picture(sample_path) -> Image.Image:
    with Image.open(sample_path) as sample:
        return sample.resize((580, 360))


@pytest.fixture(scope="module")
def original(picture) -> bytes:
    """A JPEG of one of its faces: what must not be found in what is written."""
    return encoded(picture.crop((45, 3, 260, 261)).resize((80, 96)), "JPEG", quality=60)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(original: bytes) -> bytes:
    """Names, a place, a maker note with a picture, and a thumbnail in the second directory (IFD1)."""
    tags = Image.Exif()
    tags.update({0x010E: SECRET, 0x013B: SECRET, 0x9C9C: SECRET.encode("utf-16-le")})
    tags.get_ifd(0x8825).update({1: "N", 2: (47.0, 3.0, 2.0)})
    tags.get_ifd(0x8769).update({0x927C: original, 0x9286: b"ASCII\0\0\0" + SECRET.encode()})
    block = bytearray(tags.tobytes())  # b"Exif\0\0", then a TIFF
    tiff = block[6:]
    order = "<" if tiff[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, first)
    struct.pack_into(f"{order}I", tiff, first + 2 + 12 * count, len(tiff))
    start = len(tiff) + 2 + 3 * 12 + 4
    entries = ((259, 3, 6), (513, 4, start), (514, 4, len(original)))
    second = struct.pack(f"{order}H", 3)
    for tag, kind, value in entries:
        second += struct.pack(f"{order}HHI", tag, kind, 1)
        second += struct.pack(f"{order}I", value) if kind == 4 else struct.pack(f"{order}HH", value, 0)
    return bytes(block[:6] + tiff + second + bytes(4) + original)


def xmp(original: bytes) -> bytes:
    coded = base64.b64encode(original).decode()
    return f"<x:xmpmeta><xmp:Thumbnails>{coded}</xmp:Thumbnails><dc:creator>{SECRET}".encode()


def profile() -> bytes:
    """sRGB as a monitor's profile describes it, with a name."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (size,) = struct.unpack_from(">I", plain)
    return struct.pack(">I", size + len(SECRET)) + plain[4:] + SECRET.encode()


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(picture: Image.Image, original: bytes) -> bytes:
    plain = encoded(picture, "JPEG", quality=90, exif=exif(original), comment=SECRET, icc_profile=profile())
    resource = b"8BIM\x04\x0c\0\0" + struct.pack(">I", len(original) + 28) + bytes(28) + original
    more = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(original))
    more += segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + xmp(original))
    more += segment(0xED, b"Photoshop 3.0\0" + resource) + segment(0xEB, SECRET.encode())
    return plain[:2] + more + plain[2:] + original + SECRET.encode()


def mpo(picture: Image.Image, original: bytes) -> bytes:
    """Two pictures, the second (as a gain map is) a face."""
    with Image.open(io.BytesIO(original)) as second:
        return encoded(picture, "MPO", save_all=True, append_images=[second.copy()], exif=exif(original))


def png(picture: Image.Image, original: bytes) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET)
    text.add_text("Comment", SECRET * 9, zip=True)
    text.add_itxt("XML:com.adobe.xmp", xmp(original).decode())
    text.add(b"prVt", original)
    plain = encoded(picture, "PNG", pnginfo=text, exif=exif(original), icc_profile=profile())
    return plain + original + SECRET.encode()


def webp(picture: Image.Image, original: bytes) -> bytes:
    options = {"exif": exif(original), "xmp": xmp(original), "icc_profile": profile()}
    return encoded(picture, "WEBP", quality=90, **options) + original + SECRET.encode()


def tiff(picture: Image.Image, original: bytes) -> bytes:
    tags = {
        270: SECRET,
        315: SECRET,
        700: xmp(original),
        33723: SECRET.encode(),
        34377: original,
        65000: original,
    }
    plain = encoded(picture, "TIFF", tiffinfo=tags, icc_profile=profile())
    return plain + original + SECRET.encode()


def bmp(picture: Image.Image, original: bytes) -> bytes:
    return encoded(picture, "BMP") + original + SECRET.encode()


def avif(picture: Image.Image, original: bytes, kind: str = "AVIF") -> bytes:
    return encoded(picture, kind, quality=90, exif=exif(original), xmp=xmp(original), icc_profile=profile())


def heic(picture: Image.Image, original: bytes) -> bytes:
    return avif(picture, original, "HEIF")


FILES = {
    "a.jpg": jpeg,
    "b.mpo": mpo,
    "c.png": png,
    "d.webp": webp,
    "e.tif": tiff,
    "f.bmp": bmp,
    "g.avif": avif,
}
PLACES = {
    "a.jpg": {"APP1", "APP13", "APP11", "Exif", "comment", "colour profile", "bytes after the end"},
    "b.mpo": {"APP2", "Exif", "bytes after the end"},
    "c.png": {"text", "zTXt", "iTXt", "prVt", "Exif", "colour profile", "bytes after the end"},
    "d.webp": {"Exif", "XMP", "colour profile", "bytes after the end"},
    "e.tif": {"tag 270", "Exif", "tag 700", "tag 33723", "tag 34377", "tag 65000", "colour profile"}
    | {"bytes that belong to no part"},
    "f.bmp": {"bytes after the end"},
    "g.avif": {"Exif", "mime", "colour profile"},
}


if "HEIF" in Image.SAVE:  # the extra `heif`
    FILES["h.heic"], PLACES["h.heic"] = heic, PLACES["g.avif"]


def marks(original: bytes) -> list[bytes]:
    """What tells the original and its owner in whatever coding."""
    words = [SECRET.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be")]
    return [*words, original[150:214], original[-66:-2], base64.b64encode(original)[300:360]]


def whole(content: bytes) -> bytes:
    """The bytes of a file and, of a PNG, of what it holds compressed."""
    if not content.startswith(b"\x89PNG"):
        return content
    at, more = 8, b""
    while at < len(content) - 8:
        size, name = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + size]
        if name in (b"zTXt", b"iCCP"):
            more += zlib.decompress(data.split(b"\0", 1)[1][1:])
        at += 12 + size
        if name == b"IEND":
            break
    return content + more


@pytest.mark.parametrize("name", FILES)
def test_every_place_is_found(picture, original, name):
    content = FILES[name](picture, original)
    found = containers.foreign(content)
    assert {place for place in PLACES[name] if any(place in what for what in found)} == PLACES[name]
    assert any(mark in whole(content) for mark in marks(original)), "the fixture carries what it should"


@pytest.mark.slow
def test_nothing_of_an_original_is_in_what_is_written(picture, original, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for name, make in FILES.items():
        (tmp_path / "in" / name).write_bytes(make(picture, original))
    monkeypatch.chdir(tmp_path)
    assert main(["in", "-o", "out", "--method", "blackout", "--no-verify"]) == 0
    for name in FILES:
        content = (tmp_path / "out" / name).read_bytes()
        assert containers.foreign(content) == [], name
        written = [content, (tmp_path / "out" / f"{name}.json").read_bytes()]
        assert not [mark for mark in marks(original) for part in written if mark in whole(part)], name
        assert str(tmp_path).encode() not in written[1]
        assert images.load(tmp_path / "out" / name).size == picture.size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_a_plain_picture_is_clean(picture, kind):
    assert containers.foreign(encoded(picture, kind)) == []


def test_an_animated_gif_is_clean_and_its_comment_is_not(picture):
    frames = {"save_all": True, "append_images": [picture.rotate(9)], "loop": 0}
    assert containers.foreign(encoded(picture, "GIF", **frames)) == []
    assert containers.foreign(encoded(picture, "GIF", comment=SECRET, **frames)) == ["comment"]
    assert containers.foreign(encoded(picture, "GIF", **frames) + b"12") == ["2 bytes after the end"]


def test_a_film_in_webp_is_clean_and_what_hides_in_a_frame_is_not(picture):
    film = encoded(picture, "WEBP", save_all=True, append_images=[picture.rotate(9)], duration=90)
    assert containers.foreign(film) == []
    at = film.index(b"ANMF")
    (size,) = struct.unpack_from("<I", film, at + 4)
    hidden = b"NOTE" + struct.pack("<I", len(SECRET)) + SECRET.encode() + b"\0" * (len(SECRET) % 2)
    end, told = at + 8 + size, struct.pack("<I", size + len(hidden))
    grown = film[: at + 4] + told + film[at + 8 : end] + hidden + film[end:]
    grown = grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]
    assert containers.foreign(grown) == ["NOTE"]


def test_pages_of_a_tiff_are_more_pictures(picture):
    pages = encoded(picture, "TIFF", save_all=True, append_images=[picture.rotate(180)])
    assert containers.foreign(pages) == ["1 more pictures"]


def test_other_bytes_are_no_picture_and_torn_ones_are_torn(picture):
    assert containers.foreign(b"hello") == ["no picture"] == containers.foreign(b"")
    for kind in ("JPEG", "PNG", "GIF", "TIFF"):
        content = encoded(picture, kind)
        for length in (12, len(content) // 2, len(content) - 1):
            assert containers.foreign(content[:length]), (kind, length)


def test_what_hides_inside_ordinary_parts_is_found(picture, original):
    plain = encoded(picture, "JPEG")
    for marker, data in (
        (0xE0, b"JFIF\0" + original[:90]),
        (0xEE, b"Adobe" + original[:90]),
        (0xF0, original[:90]),
    ):
        assert len(containers.foreign(plain[:2] + segment(marker, data) + plain[2:])) == 1
    bitmap = bytearray(encoded(picture, "BMP"))
    assert containers.foreign(bytes(bitmap[:54] + original[:40] + bitmap[54:]))
    struct.pack_into("<I", bitmap, 2, len(bitmap) + len(original))  # its own size says that all is well
    assert containers.foreign(bytes(bitmap) + original) == [f"{len(original)} bytes after the end"]
    assert containers.foreign(encoded(picture.quantize(16), "BMP")) == []
    png = encoded(picture, "PNG", icc_profile=Space("Display P3", CURVES[0]).profile())
    assert containers.foreign(png) == []
    assert "name of a profile" in containers.foreign(png.replace(b"ICC Profile", b"Ann Lee 777"))
