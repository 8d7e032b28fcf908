"""What a person sees: numbered boxes, faces, before and after as one picture with a slider; JPEG and HTML.

The slider is plain HTML, so that a page and a notebook show the same, and nothing has to be asked of a server
while it moves.
"""

import base64
import html

import torch
from torch import Tensor

from deid.anonymization.review import Numbered
from deid.app.session import Table
from deid.figures.overlay import OF_CHOICES, Mark, overlay
from deid.photo import alignment, images

QUALITY = 88
THUMBNAIL = 80  # pixels
WIDER = 0.25  # of a face's side, around its box
# What a face may become, in words; the searches (dcgan, stylegan2) need minutes, and are left out.
METHODS = {
    "reference": "another face: a person who does not exist",
    "onepass": "another face, drawn by a network (faster)",
    "blur": "blur",
    "pixelate": "mosaic",
    "blackout": "black",
}
SAYS = {"replace": "replace", "blackout": "black", "keep": "keep"}  # what the buttons say

SLIDER = """<div style="position:relative;display:inline-block;max-width:100%;line-height:0;--at:50%">
<img src="{before}" alt="before" style="display:block;max-width:100%;max-height:75vh;margin:0">
<img src="{after}" alt="after" style="position:absolute;left:0;top:0;width:100%;height:100%;margin:0;
clip-path:inset(0 0 0 var(--at))">
<div style="position:absolute;top:0;bottom:0;left:var(--at);width:3px;margin-left:-1.5px;background:#fff;
box-shadow:0 0 4px #000"></div>
<input type="range" min="0" max="100" value="50" step="0.5" aria-label="before, after"
oninput="this.parentNode.style.setProperty('--at', this.value + '%')"
style="position:absolute;left:0;top:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize">
</div>"""
PICTURE = '<img src="{source}" alt="{text}" style="max-width:100%;max-height:75vh;margin:0">'
SMALL = """<div role="img" aria-label="{text}" style="width:{side}px;height:{side}px;border-radius:6px;
background:url({source}) center/cover"></div>"""
CLIP = '<video src="{source}" controls style="max-width:100%;max-height:75vh" aria-label="{text}"></video>'
LINK = """<a href="{source}" download="{name}" class="download" style="display:inline-block;
margin:0.5em 1em 0 0;padding:0.5em 1em;border-radius:6px;background:#1d4ed8;color:white;
text-decoration:none">{text}</a>"""


def jpeg(picture: Tensor) -> bytes:
    """A small picture (1, 3, h, w) as JPEG."""
    return images.to_jpeg(picture, QUALITY)


def data_uri(content: bytes, kind: str = "image/jpeg") -> str:
    """The bytes of a file as the address of themselves."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def boxes(table: Table) -> Tensor:
    """A photo's preview (1, 3, h, w) with a numbered box for each face, coloured by its choice."""
    factor = table.opened.preview.shape[3] / table.opened.size[0]
    marks = []
    for one in table.opened.faces:
        do = table.chosen(one.number)
        marks.append(Mark(one.face.scaled(factor).box, f"{one.number} {SAYS[do]}", OF_CHOICES[do]))
    return overlay(table.opened.preview, marks)


def face(table: Table, one: Numbered) -> Tensor:
    """A face of the preview, (1, 3, ``THUMBNAIL``, ``THUMBNAIL``), with a little around it."""
    picture = table.opened.preview
    box = one.face.scaled(picture.shape[3] / table.opened.size[0]).box
    side = (1 + 2 * WIDER) * max(2.0, box[2] - box[0], box[3] - box[1])
    left, top = ((box[k] + box[k + 2] - side) / 2 for k in (0, 1))
    step = side / THUMBNAIL
    place = torch.tensor([[step, 0, left], [0, step, top]], dtype=torch.float64)
    return alignment.crop(picture, place, THUMBNAIL)


def slider(before: str, after: str) -> str:
    """Two pictures of one size, by their addresses, with a line between them that can be moved."""
    return SLIDER.format(before=html.escape(before), after=html.escape(after))


def picture(source: str, text: str) -> str:
    """A picture by its address; ``text`` says what it shows."""
    return PICTURE.format(source=html.escape(source), text=html.escape(text))


def thumbnail(source: str, text: str) -> str:
    """A picture of ``THUMBNAIL`` pixels: a mark beside what is chosen, and no figure."""
    return SMALL.format(source=html.escape(source), text=html.escape(text), side=THUMBNAIL)


def clip(source: str, text: str) -> str:
    """A clip by its address."""
    return CLIP.format(source=html.escape(source), text=html.escape(text))


def link(source: str, name: str) -> str:
    """A link that saves a file under its ``name``."""
    name = html.escape(name)
    return LINK.format(source=html.escape(source), name=name, text=f"Download {name}")


def note(text: str, problem: bool = False) -> str:
    """A line of text."""
    style = "color:#b00020;font-weight:600" if problem else ""
    return f'<p style="{style}">{html.escape(text)}</p>'
