"""What the page's buttons do. Uploaded files are read and deleted at once."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr

from deid.anonymization import telling
from deid.anonymization.options import Options
from deid.app import desk, limits, views
from deid.app.session import PROBLEMS
from deid.app.visits import Visit, Visits


class Handlers:
    """The page's events; each one finds its own visit by the browser's session."""

    def __init__(self, visits: Visits) -> None:
        self.visits = visits

    def open(self, paths: list[str] | None, turn: int, request: gr.Request) -> tuple:
        """New files: they are read, and what was open before is gone."""
        visit = self.visit(request)
        visit.withdraw()
        try:
            problems = visit.session.open(received(paths or []), Options())
            said = (
                views.note(desk.opened(visit.session)) if visit.session.photos or visit.session.clip else ""
            )
        except PROBLEMS as error:
            problems, said = [telling.reason(error)], ""
        said += "".join(views.note(problem, problem=True) for problem in problems)
        photos = [(table.opened.name, index) for index, table in enumerate(visit.session.photos)]
        return (
            None,  # the field is ready for other files
            said,
            gr.Row(visible=bool(photos or visit.session.clip)),
            gr.Dropdown(photos or [("", 0)], value=0, visible=len(photos) > 1),
            desk.boxes(visit, 0),
            turn + 1,
            "",
        )

    def look(self, index: int | None, request: gr.Request) -> tuple[str, str]:
        """Another photo is chosen."""
        visit = self.visit(request)
        return desk.boxes(visit, index or 0), desk.result(visit, index or 0)

    def choose(self, index: int, number: int) -> Callable:
        """What happens when another choice is made for a face."""

        def chosen(do: str, request: gr.Request) -> tuple[str, str]:
            visit = self.visit(request)
            visit.session.choose(index, number, do)
            return desk.boxes(visit, index), desk.result(visit, index)

        return chosen

    def make(
        self,
        index: int | None,
        method: str,
        seed: float | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # Gradio looks for it among the defaults
    ) -> tuple[str, str]:
        """Anonymize all that is open."""
        visit = self.visit(request)
        if not (visit.session.photos or visit.session.clip):
            return views.note("Nothing is open any more. Give a photo first.", problem=True), ""
        try:
            for step in visit.session.steps(Options(method=method, seed=int(seed or 0))):
                progress(step.share, desc=step.stage)
        except PROBLEMS as error:
            return views.note(telling.reason(error), problem=True), ""
        return views.note(desk.opened(visit.session)), desk.result(visit, index or 0)

    def leave(self, request: gr.Request) -> None:
        """The tab is closed, or was lost."""
        self.visits.close(str(request.session_hash))

    def visit(self, request: gr.Request) -> Visit:
        """Whose page this is."""
        return self.visits.of(str(request.session_hash))


def received(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Uploaded files as (name, content); they are deleted from the disk, also where they are refused."""
    files = [Path(path) for path in paths]
    try:
        limits.check([(file.name, file.stat().st_size) for file in files])
        return [(file.name, file.read_bytes()) for file in files]
    except FileNotFoundError as error:
        raise limits.UploadError(
            f"{Path(error.filename).name}: was not received whole; give it again"
        ) from None
    finally:
        for file in files:
            file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                file.parent.rmdir()
