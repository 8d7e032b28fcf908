"""A visit as HTML: what is open, and what became of it. Pictures are fetched by words (``visits``)."""

from pathlib import Path

from deid.anonymization.review import Numbered
from deid.app import views
from deid.app.photos import Made
from deid.app.session import Session, Table
from deid.app.visits import Visit

FETCH = "/fetch/"  # where a browser asks for a word
NO_FACE = (
    "No face was found, which does not mean that there is none. So there is nothing to download. "
    "The command line has a more thorough search (--detector thorough) and boxes given by hand."
)


def opened(session: Session) -> str:
    """What was found, in a sentence."""
    if session.clip:
        return "A clip. In a clip every face is hidden: boxes do not follow what moves."
    counts = [len(table.opened.faces) for table in session.photos]
    photos = "1 photo" if len(counts) == 1 else f"{len(counts)} photos"
    faces = "1 face was found" if sum(counts) == 1 else f"{sum(counts) or 'no'} faces were found"
    return f"{photos}; {faces}. Look whether one is missing: only what has a box is hidden."


def boxes(visit: Visit, index: int) -> str:
    """The photo with its numbered boxes, or the clip as it was given."""
    if visit.session.clip:
        return views.clip(
            _source(visit, "given", visit.session.clip, visit.session.clip.name), "the clip before"
        )
    table = _table(visit.session, index)
    if table is None:
        return ""
    source = _source(visit, "boxes", views.jpeg(views.boxes(table)), "boxes.jpg")
    shown = views.picture(source, f"{table.opened.name} with a numbered box for each face")
    return f'<a href="{source}" target="_blank" title="larger, in another tab">{shown}</a>'


def face(visit: Visit, index: int, one: Numbered) -> str:
    """One face, small."""
    table = visit.session.photos[index]
    source = _source(visit, f"face-{one.number}", views.jpeg(views.face(table, one)), "face.jpg")
    return views.thumbnail(source, f"face {one.number}")


def result(visit: Visit, index: int) -> str:
    """Before and after of the photo, or the clip, what was done, and the links to save all results."""
    session, table = visit.session, _table(visit.session, index)
    made = session.clip_made
    if table is not None:
        made = table.made
    if made is None:
        return ""
    links = [_link(visit, each, number) for number, each in enumerate(_all_made(session))]
    return "".join([_shown(visit, made), views.note(made.summary), *links])


def _shown(visit: Visit, made: Made) -> str:
    if made.content is None:
        return views.note(NO_FACE, problem=True)
    if isinstance(made.content, Path):
        clip = _source(visit, "clip", made.content, made.name)
        return views.clip(clip, "the clip after")
    assert made.before is not None and made.after is not None
    before, after = (views.jpeg(each) for each in (made.before, made.after))
    return views.slider(
        _source(visit, "before", before, "before.jpg"), _source(visit, "after", after, "after.jpg")
    )


def _link(visit: Visit, made: Made, number: int) -> str:
    if made.content is None:
        return ""
    return views.link(_source(visit, f"result-{number}", made.content, made.name), made.name)


def _all_made(session: Session) -> list[Made]:
    every = [session.clip_made, *(table.made for table in session.photos)]
    return [made for made in every if made is not None]


def _table(session: Session, index: int) -> Table | None:
    return session.photos[index] if 0 <= index < len(session.photos) else None


def _source(visit: Visit, place: str, content: bytes | Path, name: str) -> str:
    return FETCH + visit.hand_out(place, content, name)
