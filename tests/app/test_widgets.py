from datetime import UTC, datetime

import pytest

pytest.importorskip("ipywidgets")

from deid.app import widgets
from deid.app.widgets import Panel


@pytest.fixture
def panel(portrait) -> Panel:
    return Panel(portrait, method="blackout")


def test_the_photo_is_open_with_a_choice_for_each_face(panel):
    assert "portrait-00.jpg: 1 faces" in panel.said.value and "data:image/jpeg" in panel.boxes.value
    assert len(panel.faces.children) == 1


def test_a_press_makes_the_result_and_another_one_the_next(panel):
    panel.go.click()
    assert 'download="portrait-00_anonymized.jpg"' in panel.result.value and "1 black" in panel.result.value
    panel.other.click()
    assert panel.seed.value == 1


def test_what_is_chosen_is_done(panel):
    buttons = panel.faces.children[0].children[-1]
    before = panel.boxes.value
    buttons.value = "keep"
    assert panel.boxes.value != before
    panel.go.click()
    assert "1 left as asked" in panel.result.value
    buttons.value = "replace"
    assert not panel.result.value, "the result of another choice can still be saved"


def test_an_uploaded_file_that_is_no_photo_is_said_to_be_none(panel):
    panel.upload.value = [
        {"name": "notes.jpg", "type": "", "size": 5, "content": b"hello", "last_modified": datetime.now(UTC)}
    ]
    assert "notes.jpg: not a photo" in panel.said.value
    assert not panel.faces.children and not panel.boxes.value
    panel.go.click()
    assert not panel.result.value


def test_clips_are_for_the_page(panel):
    panel.open("walk.mp4", b"hello")
    assert "python -m deid.app" in panel.said.value and not panel.session.photos


def test_uploads_of_both_versions_of_ipywidgets_are_read():
    assert widgets.received({"a.jpg": {"metadata": {}, "content": b"x"}}) == [("a.jpg", b"x")]
    assert widgets.received(({"name": "a.jpg", "content": memoryview(b"x")},)) == [("a.jpg", b"x")]
