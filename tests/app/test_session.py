import pytest

from deid.anonymization.options import Options
from deid.app.limits import UploadError
from deid.app.session import Session

BLACK = Options(method="blackout", verify=False)


def finish(session: Session, options: Options = BLACK) -> list[float]:
    return [step.share for step in session.steps(options)]


def test_a_photo_that_cannot_be_read_stops_no_other(portrait, tmp_path):
    session = Session(tmp_path)
    problems = session.open([("fake.jpg", b"hello"), ("me.jpg", portrait.read_bytes())], BLACK)
    assert problems == ["fake.jpg: not a photo this program can read; convert it to JPEG or PNG"]
    assert [table.opened.name for table in session.photos] == ["me.jpg"]


def test_choices_are_remembered_until_other_photos_come(session, portrait):
    session.choose(0, 1, "keep")
    assert session.photos[0].chosen(1) == "keep"
    session.open([("me.jpg", portrait.read_bytes())], BLACK)
    assert session.photos[0].chosen(1) == "replace" and session.photos[0].made is None


def test_another_choice_leaves_no_result_of_the_last_one(session):
    finish(session)
    session.choose(0, 1, "keep")
    assert session.photos[0].made is None


def test_a_run_that_fails_leaves_no_older_result(session):
    finish(session)
    session.photos[0].choices[1] = "no such choice"
    with pytest.raises(ValueError, match="one of replace"):
        finish(session)
    assert session.photos[0].made is None


def test_a_choice_that_is_not_known_changes_nothing(session):
    with pytest.raises(ValueError, match="has no face 7"):
        session.choose(0, 7, "keep")
    assert session.photos[0].choices == {}


def test_all_photos_are_done(session, table):
    session.photos.append(table)
    session.choose(1, 1, "keep")
    assert finish(session)[-1] == 1
    assert [each.made.summary for each in session.photos] == ["1 black", "1 left as asked"]


def test_two_sessions_know_nothing_of_each_other(session, table, tmp_path):
    other = Session(tmp_path)
    other.photos.append(table)
    session.choose(0, 1, "keep")
    assert other.photos[0].chosen(1) == "replace"
    session.close()
    assert finish(other) and other.photos[0].made.summary == "1 black"


def test_a_clip_lies_in_a_folder_that_goes_with_the_session(clip, tmp_path):
    session = Session(tmp_path)
    session.open([("walk.mp4", clip(3).read_bytes())], BLACK)
    finish(session)
    assert session.clip_made.content.is_relative_to(tmp_path) and session.clip_made.content.exists()
    session.close()
    assert not list(tmp_path.iterdir()) and session.clip_made is None and not session.photos


def test_of_a_refused_clip_nothing_stays(tmp_path):
    session = Session(tmp_path)
    with pytest.raises(ValueError, match=r"walk\.mp4"):
        session.open([("walk.mp4", b"hello")], BLACK)
    assert not list(tmp_path.iterdir()) and session.clip is None


def test_what_comes_after_the_end_is_not_held(session, portrait):
    session.close()
    session.open([("me.jpg", portrait.read_bytes())], BLACK)
    assert not session.photos


def test_too_many_files_leave_what_is_open(session):
    with pytest.raises(UploadError):
        session.open([(f"{k}.jpg", b"x") for k in range(9)], BLACK)
    assert len(session.photos) == 1
