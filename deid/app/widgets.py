"""The notebook's panel: a photo, a choice for each face, the result. Made of ipywidgets, an extra.

It works in JupyterLab and in Colab, whose ipywidgets is older (7).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as ui

from deid.anonymization import telling
from deid.anonymization.choices import DO
from deid.anonymization.options import Options
from deid.anonymization.review import Numbered
from deid.app import views
from deid.app.limits import UploadError
from deid.app.session import PROBLEMS, Session, Table
from deid.photo import formats

ROWS = {"flex_flow": "row wrap"}


class Panel:
    """Controls for one photo; ``view`` is what a notebook shows. ``photo`` is open at the beginning.

    What is uploaded stays in the memory of the kernel, and in the notebook's outputs where these are saved.
    """

    def __init__(self, photo: str | Path, method: str = "reference", seed: int = 0) -> None:
        self.session = Session()
        methods = [(told, name) for name, told in views.METHODS.items()]
        self.upload = ui.FileUpload(accept="image/*", multiple=False, description="Your photo")
        self.method = ui.Dropdown(
            options=methods, value=method, description="Method", layout={"width": "26em"}
        )
        self.seed = ui.BoundedIntText(value=seed, min=0, max=2**31, description="Seed")
        self.go = ui.Button(description="Anonymize", button_style="primary")
        self.other = ui.Button(description="Another person")
        self.said, self.boxes, self.result = ui.HTML(), ui.HTML(), ui.HTML()
        self.faces, self.bar = ui.Box(layout=ROWS), ui.FloatProgress(max=1.0, layout={"visibility": "hidden"})
        self.upload.observe(self._uploaded, "value")
        self.go.on_click(lambda _: self.make())
        self.other.on_click(lambda _: self.another())
        settings = ui.HBox([self.upload, self.method, self.seed])
        buttons = ui.HBox([self.go, self.other, self.bar])
        self.view = ui.VBox([settings, self.said, self.boxes, self.faces, buttons, self.result])
        self.open(Path(photo).name, Path(photo).read_bytes())

    def open(self, name: str, content: bytes) -> None:
        """Show a photo with its faces; what is wrong with it is said in the panel."""
        self.faces.children, self.boxes.value, self.result.value = (), "", ""
        try:
            if formats.is_clip(Path(name)):
                raise UploadError(f"{name}: clips are done by the page, python -m deid.app")
            problems = self.session.open([(name, content)], Options())
        except PROBLEMS as error:
            self.session.forget()
            problems = [telling.reason(error)]
        self.said.value = "".join(views.note(problem, problem=True) for problem in problems)
        for table in self.session.photos:
            self.faces.children = [self._face(table, one) for one in table.opened.faces]
            self.said.value = views.note(
                f"{name}: {len(table.opened.faces)} faces. Only what has a box is hidden."
            )
        self._draw()

    def make(self) -> None:
        """Anonymize what is open, and show it before and after, with a link to save it."""
        self.bar.layout.visibility = "visible"
        try:
            options = Options(method=self.method.value, seed=self.seed.value)
            for done, total in options.prepare():
                self._tell("building the library of references, once", done / max(1, total))
            for step in self.session.steps(options):
                self._tell(step.stage, step.share)
        except PROBLEMS as error:
            self.result.value = views.note(telling.reason(error), problem=True)
        else:
            self.result.value = "".join(map(_shown, self.session.photos))
        self.bar.layout.visibility = "hidden"

    def another(self) -> None:
        """The same with the next seed."""
        self.seed.value += 1
        self.make()

    def _tell(self, stage: str, share: float) -> None:
        self.bar.value, self.bar.description = share, stage

    def _uploaded(self, change: dict[str, Any]) -> None:
        for name, content in received(change["new"]):
            self.open(name, content)

    def _draw(self) -> None:
        pictures = [views.data_uri(views.jpeg(views.boxes(table))) for table in self.session.photos]
        self.boxes.value = "".join(
            views.picture(picture, "a numbered box for each face") for picture in pictures
        )

    def _face(self, table: Table, one: Numbered) -> ui.HBox:
        """A face with its choice."""
        options = [(views.SAYS[do], do) for do in DO]
        buttons = ui.ToggleButtons(
            options=options, value=table.chosen(one.number), style={"button_width": "80px"}
        )
        buttons.observe(partial(self._chosen, one.number), "value")
        picture = views.data_uri(views.jpeg(views.face(table, one)))
        face = ui.HTML(views.thumbnail(picture, f"face {one.number}"))
        number = ui.Label(str(one.number), layout={"width": "20px"})
        return ui.HBox(
            [number, face, buttons],
            layout={"align_items": "center", "margin": "2px 16px 2px 0"},
        )

    def _chosen(self, number: int, change: dict[str, Any]) -> None:
        self.session.choose(0, number, change["new"])
        self.result.value = ""
        self._draw()


def received(value: Any) -> Sequence[tuple[str, bytes]]:
    """What a ``FileUpload`` holds, as (name, content): by name in ipywidgets 7, in a tuple from 8 on."""
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def _shown(table: Table) -> str:
    """What became of a photo, as HTML that holds all it shows."""
    made = table.made
    if made is None or made.content is None or isinstance(made.content, Path):
        return views.note(
            "No face was found, which does not mean that there is none; there is no result.", True
        )
    assert made.before is not None and made.after is not None
    before, after = (views.data_uri(views.jpeg(picture)) for picture in (made.before, made.after))
    link = views.link(views.data_uri(made.content, "application/octet-stream"), made.name)
    return views.slider(before, after) + views.note(made.summary) + link
