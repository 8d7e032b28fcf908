import re
from pathlib import Path

import pytest

from deid.anonymization.options import Options
from deid.app import desk
from deid.app.photos import Made
from deid.app.session import Session
from deid.app.visits import Visit

BLACK = Options(method="blackout", verify=False)


@pytest.fixture
def visit(session) -> Visit:
    return Visit(session)


def fetched(visit: Visit, text: str) -> list:
    return [visit.items[word].content for word in re.findall(rf"{desk.FETCH}([\w-]+)", text)]


def test_what_was_found_is_said(session):
    assert desk.opened(session).startswith("1 photo; 1 face was found.")
    assert desk.opened(Session()).startswith("0 photos; no faces were found.")


def test_a_photo_and_its_faces_can_be_fetched(visit):
    (one,) = visit.session.photos[0].opened.faces
    shown = [desk.boxes(visit, 0), desk.face(visit, 0, one)]
    assert all(fetched(visit, text)[0].startswith(b"\xff\xd8") for text in shown)
    assert desk.boxes(visit, 3) == "" and desk.result(visit, 0) == ""


def test_a_result_has_both_pictures_and_a_link(visit):
    for _ in visit.session.steps(BLACK):
        pass
    text = desk.result(visit, 0)
    assert fetched(visit, text)[-1] == visit.session.photos[0].made.content
    assert len(fetched(visit, text)) == 3 and 'download="portrait-00_anonymized.jpg"' in text
    assert "1 black" in text


def test_without_a_face_there_is_no_link(visit):
    visit.session.photos[0].made = Made("wall.png", None, "no face found")
    text = desk.result(visit, 0)
    assert "does not mean that there is none" in text and "download=" not in text


def test_a_clip_is_shown_before_and_after(visit, tmp_path):
    visit.session.photos.clear()
    visit.session.clip = tmp_path / "walk.mp4"
    visit.session.clip_made = Made("walk_anonymized.mp4", Path("after.mp4"), "1 black")
    assert fetched(visit, desk.boxes(visit, 0)) == [tmp_path / "walk.mp4"]
    assert fetched(visit, desk.result(visit, 0)) == [Path("after.mp4")] * 2
    assert "every face is hidden" in desk.opened(visit.session)
