"""Of a file's metadata only harmless fields stay, and only those that are asked for."""

import pytest
from PIL import Image

from deid.__main__ import main
from deid.photo import images, metadata

ALL = {0x0132: "2024:05:17 12:30:00", 0x8298: "(c) Ann Lee", 0x013B: "Ann Lee", 0x010F: "Canon", 0x0110: "R5"}
CAMERAS = {
    0x9003: "2024:05:17 12:29:58",
    0x9011: "+02:00",
    0x8827: 400,
    0x829A: 1 / 250,
    0xA431: "serial 77",
}


def full() -> Image.Exif:
    exif = Image.Exif()
    exif.update({**ALL, 0x010E: "Elm Street 7", 0x0112: 6, 0x9C9B: b"t\0i\0"})
    exif.get_ifd(0x8769).update({**CAMERAS, 0x927C: b"maker note", 0x9286: b"ASCII\0\0\0comment"})
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 3.0, 2.0)})
    return exif


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (120, 80), "olive").save(path, exif=full(), quality=90)
    return path


def written(path, keep, suffix=".jpg") -> tuple[Image.Exif, dict]:
    loaded = images.load(path, keep=keep)
    images.save(loaded, path.with_name(f"b{suffix}"))
    with Image.open(path.with_name(f"b{suffix}")) as image:
        exif = image.getexif()
        assert not exif.get_ifd(0x8825) and 0x0112 not in exif and 0x010E not in exif
        return exif, exif.get_ifd(0x8769)


def test_nothing_stays_unasked(photo):
    exif, camera = written(photo, ())
    assert not exif and not camera
    assert images.load(photo).metadata == metadata.Metadata()


def test_what_is_asked_for_stays_and_nothing_else(photo):
    exif, camera = written(photo, ("date", "copyright"))
    assert dict(exif) | {0x8769: 0} == {0x0132: ALL[0x0132], 0x8298: ALL[0x8298], 0x8769: 0}
    assert dict(camera) == {0x9003: CAMERAS[0x9003], 0x9011: CAMERAS[0x9011]}


def test_every_field_can_stay_and_places_numbers_and_comments_never(photo):
    exif, camera = written(photo, tuple(metadata.FIELDS))
    assert {0x0132, 0x8298, 0x013B, 0x010F, 0x0110} <= set(exif)
    assert camera[0x8827] == 400 and float(camera[0x829A]) == pytest.approx(1 / 250)
    assert not {0xA431, 0x927C, 0x9286, 0x9C9B} & {*exif, *camera}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_letters_beyond_ascii_stay(tmp_path, suffix, coding):
    exif = Image.Exif()
    exif[0x8298] = "\u00a9 José".encode(coding)
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (120, 80), "olive").save(path, exif=exif)
    loaded = images.load(path, keep=("copyright",))
    assert loaded.metadata.names == ("copyright",) and "\u00a9 José".encode() in loaded.metadata.exif
    images.save(loaded, tmp_path / f"b{suffix}")
    assert "\u00a9 José".encode() in (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_other_formats_carry_it_too(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (120, 80), "olive").save(path, exif=full().tobytes())
    exif, camera = written(path, ("copyright", "date"), suffix)
    assert exif[0x8298] == ALL[0x8298] and camera[0x9003] == CAMERAS[0x9003]


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2024:05:17 12:30:00 at Elm Street 7", "2024:05:17\x0012:30", 7, b"\0\1", "x" * 5000],
)
def test_a_value_that_is_no_date_goes(tmp_path, value):
    exif = Image.Exif()
    exif[0x0132] = value
    Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert images.load(tmp_path / "a.jpg", keep=("date",)).metadata == metadata.Metadata()


def test_unknown_fields_are_refused_with_the_known_ones(photo, tmp_path, capsys):
    with pytest.raises(ValueError, match="knows date, copyright.*not 'gps'"):
        metadata.parse("date,gps")
    assert metadata.parse(" date , copyright") == ("date", "copyright") and metadata.parse("") == ()
    wrong = [str(photo), "-o", str(tmp_path / "out"), "--keep-metadata", "thumbnail"]
    assert main(wrong) == 2 and "not 'thumbnail'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
