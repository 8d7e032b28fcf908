import base64
import io

import torch
from PIL import Image

from deid.app import views


def test_a_picture_is_its_own_address():
    uri = views.data_uri(views.jpeg(torch.zeros(1, 3, 8, 16)))
    kind, content = uri.split(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (16, 8)


def test_boxes_show_what_is_chosen(table):
    before = views.boxes(table)
    table.choices[1] = "keep"
    after = views.boxes(table)
    assert before.shape == table.opened.preview.shape and not torch.equal(before, after)


def test_a_thumbnail_shows_the_face(table):
    (one,) = table.opened.faces
    face = views.face(table, one)
    assert face.shape == (1, 3, views.THUMBNAIL, views.THUMBNAIL)
    x1, y1, x2, y2 = map(round, one.face.box)
    assert torch.allclose(face.mean((2, 3)), table.opened.preview[:, :, y1:y2, x1:x2].mean((2, 3)), atol=0.35)


def test_a_slider_holds_both_pictures_and_names_them():
    text = views.slider("a.jpg", "b.jpg")
    assert 'src="a.jpg" alt="before"' in text and 'src="b.jpg" alt="after"' in text
    assert 'type="range"' in text and 'aria-label="before, after"' in text


def test_names_of_files_cannot_become_html():
    name = '"><script>alert(1)</script>.jpg'
    for text in (views.link("x", name), views.note(name), views.picture("x", name), views.clip("x", name)):
        assert "<script>" not in text and "&lt;script&gt;" in text
