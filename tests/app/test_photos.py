import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deid.anonymization.options import Options
from deid.app import limits, photos
from deid.photo.images import ImageError, Photo

BLACK = Options(method="blackout", verify=False)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def made(opened, choices, options=BLACK) -> photos.Made:
    *_, last = photos.steps(opened, options, choices)
    return last.made


def test_a_photo_is_read_with_numbered_faces(opened):
    assert opened.size == (200, 240) and opened.name == "portrait-00.jpg"
    assert [one.number for one in opened.faces] == [1]
    assert opened.faces[0].do == "replace" and not opened.faces[0].doubtful


def test_a_name_is_no_path(portrait):
    assert photos.read("/home/ann/me.jpg", portrait.read_bytes(), BLACK).name == "me.jpg"


def test_what_is_no_photo_is_refused_by_name():
    with pytest.raises(ImageError, match="notes.jpg: not a photo"):
        photos.read("notes.jpg", b"hello", BLACK)


def test_a_photo_of_too_many_pixels_is_refused_before_it_is_unpacked(monkeypatch, portrait):
    monkeypatch.setattr(limits, "MEGAPIXELS", 0.01)
    with pytest.raises(ImageError, match="200x240 is over the limit"):
        photos.read("large.jpg", portrait.read_bytes(), BLACK)


def test_each_choice_does_what_it_says(opened, portrait):
    before, box = pixels(portrait.read_bytes()), [round(v) for v in opened.faces[0].face.box]
    middle = np.s_[(box[1] + box[3]) // 2 - 5 : (box[1] + box[3]) // 2 + 5, (box[0] + box[2]) // 2]
    black, left = (pixels(made(opened, {1: do}).content) for do in ("blackout", "keep"))
    drawn = pixels(made(opened, {1: "replace"}, Options(method="blur", verify=False)).content)
    assert black[middle].max() < 12
    assert abs(left - before).mean() < 1, "a face that stays is only encoded anew"
    assert abs(drawn[middle] - before[middle]).max() > 8 and drawn[middle].min() > 12


def test_it_is_said_what_became_of_the_faces(opened):
    assert made(opened, {}).summary == "1 black"
    assert made(opened, {1: "keep"}).summary == "1 left as asked"
    assert (
        made(opened, {1: "blackout"}, Options(method="blur", verify=False)).summary == "1 black (asked for)"
    )


def test_a_doubtful_face_is_black_until_a_person_wants_it_replaced(opened):
    (one,) = opened.faces
    doubtful = replace(opened, faces=(replace(one, face=replace(one.face, score=0.5), doubtful=True),))
    options = Options(method="blur", verify=False)
    assert made(doubtful, {}, options).summary == "1 black (doubtful)"
    assert made(doubtful, {1: "replace"}, options).summary == "1 blurred"


@pytest.mark.parametrize(
    ("choices", "said"), [({2: "replace"}, "has no face 2"), ({1: "Keep"}, "one of replace, blackout, keep")]
)
def test_a_choice_that_is_not_known_leaves_no_face_visible(opened, choices, said):
    with pytest.raises(ValueError, match=said):
        photos.sight(opened, choices)


def test_without_a_face_nothing_is_handed_over():
    grey = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(grey, "PNG")
    result = made(photos.read("wall.png", grey.getvalue(), BLACK), {})
    assert result.content is None and result.summary == "no face found"


def test_the_result_holds_no_metadata(portrait):
    exif, tagged = Image.Exif(), io.BytesIO()
    exif[0x010E] = "Ann at home"
    Image.open(portrait).save(tagged, "JPEG", exif=exif)
    result = made(photos.read("tagged.jpg", tagged.getvalue(), BLACK), {})
    assert b"Ann at home" in tagged.getvalue() and b"Ann at home" not in result.content


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("party.jpg", "JPEG", "party_anonymized.jpg"),
        ("party.JPEG", "JPEG", "party_anonymized.JPEG"),
        ("party.mpo", "JPEG", "party_anonymized.jpg"),
        ("party", "PNG", "party_anonymized.png"),
    ],
)
def test_a_results_name_says_what_it_is(name, kind, wanted, opened):
    assert photos.result_name(name, Photo(opened.preview, kind)) == wanted
