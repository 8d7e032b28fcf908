"""Numbered boxes over a photo, for a person who decides what is hidden."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from deid.figures.canvas import COLOURS
from deid.photo import images
from deid.photo.faces import Box

OF_CHOICES = {
    "replace": 0,
    "blackout": 1,
    "keep": 2,
}  # by what becomes of a face


class Mark(NamedTuple):
    """A ``box`` in photo pixels, what is written at it, and which of ``COLOURS`` it has."""

    box: Box
    text: str
    colour: int = 0


def overlay(photo: Tensor, marks: Sequence[Mark]) -> Tensor:
    """The photo with a frame and a text for each mark, in sizes that can be read; (1, 3, H, W) both.

    A text stands above its box, or where there is no room, inside it.
    """
    picture = Image.fromarray(np.ascontiguousarray(images.to_uint8(photo)[0]))
    draw, side = ImageDraw.Draw(picture), min(picture.size)
    width, font = max(2, side // 300), ImageFont.load_default(max(12, side // 45))
    for mark in sorted(marks, key=lambda mark: mark.box[1]):
        draw.rectangle(mark.box, outline=COLOURS[mark.colour], width=width)
        _, _, across, down = draw.textbbox((0, 0), mark.text, font)
        x = min(max(0, mark.box[0]), picture.width - across - 2 * width)
        y = mark.box[1] - down - 2 * width
        y = y if y >= 0 else max(0, mark.box[1])
        draw.rectangle((x, y, x + across + 2 * width, y + down + 2 * width), fill=COLOURS[mark.colour])
        draw.text((x + width, y + width / 2), mark.text, "white", font)
    return images.from_uint8(np.asarray(picture)[None])
