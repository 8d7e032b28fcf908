"""The page: files, a picture with boxes, a choice for each face, the result. Gradio draws it, an extra."""

from typing import Any

import gradio as gr

from deid.anonymization.choices import DO
from deid.app import desk, limits, views
from deid.app.handlers import Handlers
from deid.app.visits import Visits

TITLE = "Replace the faces in your own photo"
ABOUT = f"""# {TITLE}

Give up to {limits.PHOTOS} photos, or one clip of at most {limits.SECONDS} seconds. Everything is done on the
computer that runs this page. Nothing is sent anywhere else, and nothing is left when you close it.

**Do not rely on the result where someone's safety depends on it.** Hair, clothes and the place stay visible,
and a face can be missed."""
CSS = """.faces {max-height: 90vh; overflow-y: auto}
.face {flex-wrap: nowrap !important; align-items: center; gap: 8px !important}
.face > :first-child {flex: 0 0 90px !important; min-width: 90px !important}
.face .wrap {flex-wrap: nowrap; gap: 4px}
.face label {padding: 4px 6px !important}"""
SEED = "Seed: another number gives other people, the same number the same result"
WITH_CHOICE = 40  # faces; the others of a crowd become what the tool does unasked
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
ALONE: dict[str, Any] = PRIVATE | {"concurrency_limit": 1, "concurrency_id": "work"}  # one at a time


def build(visits: Visits) -> gr.Blocks:
    """The page; what people open lies in ``visits``."""
    do = Handlers(visits)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown(ABOUT)
        files = gr.Files(
            label=f"Photos, or a clip; each at most {limits.MEGABYTES} MB", elem_id="files", height=150
        )
        said = gr.HTML(elem_id="said")
        turn = gr.State(0)  # counts what was opened, so that the faces are shown anew
        result = gr.HTML(elem_id="result", min_height=60, render=False)
        with gr.Row(visible=False) as work:
            with gr.Column(scale=5):
                which = gr.Dropdown(label="Photo", elem_id="which", visible=False)
                boxes = gr.HTML(elem_id="boxes")
                names = [(told, name) for name, told in views.METHODS.items()]
                method = gr.Radio(names, value="reference", label="A face becomes", elem_id="method")
                seed = gr.Number(0, label=SEED, precision=0, minimum=0, elem_id="seed")
                with gr.Row():
                    go = gr.Button("Anonymize", variant="primary", elem_id="go")
                    other = gr.Button("Another person", elem_id="other")
            with gr.Column(scale=4, elem_classes="faces"):
                _faces(do, which, turn, [boxes, result])
        result.render()
        opened = [files, said, work, which, boxes, turn, result]
        files.upload(do.open, [files, turn], opened, **PRIVATE)
        which.input(do.look, [which], [boxes, result], **PRIVATE)
        settings, made = [which, method, seed], [said, result]
        go.click(do.make, settings, made, show_progress_on=result, **ALONE)
        another = other.click(lambda seed: int(seed or 0) + 1, [seed], [seed], **PRIVATE)
        another.then(do.make, settings, made, show_progress_on=result, **ALONE)
        page.unload(do.leave)
    return page


def _faces(do: Handlers, which: gr.Dropdown, turn: gr.State, shown: list[gr.HTML]) -> None:
    """The faces of the photo that is ``shown``, each with its choice."""

    @gr.render(inputs=[which, turn], triggers=[turn.change, which.input])
    def faces(index: int | None, turn: int, request: gr.Request) -> None:
        index, visit = index or 0, do.visit(request)
        for table in visit.session.photos[index : index + 1]:
            for one in table.opened.faces[:WITH_CHOICE]:
                with gr.Row(elem_classes="face"):
                    gr.HTML(desk.face(visit, index, one))
                    label = f"Face {one.number}{' (perhaps no face)' if one.doubtful else ''}"
                    choices = [(views.SAYS[choice], choice) for choice in DO]
                    value, key = table.chosen(one.number), f"{turn}-{index}-{one.number}"
                    radio = gr.Radio(choices, value=value, label=label, interactive=True, key=key)
                    radio.input(do.choose(index, one.number), [radio], shown, **PRIVATE)
