"""Makes media/detection.jpg: what MTCNN alone, and what the default finds of faces that are hard to see.

Run by hand from the repository's root: ``python media/make_detection.py``. The twelve people of
media/group.jpg do not exist. Each tile is changed as ``deid.evaluation.detection`` changes whole photos.
Green: certain. Orange: doubtful. The dot marks the eye that is the left one when the face is upright.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from deid.evaluation.detection import transformations
from deid.photo import finding, images

CHANGES = (
    "upright", "turned 45", "turned 90", "turned 135", "turned 180", "turned 15",
    "cut", "dark 1/10", "dark 1/16", "blurred", "half size", "tiled",
)  # fmt: skip
COLUMNS, TILE, GAP = 6, 224, 8
MEDIA = Path(__file__).parent


def changed(tile: Tensor, name: str) -> Tensor:
    """A tile (1, 3, S, S), changed and back at its size, on grey."""
    new = transformations.change(name, tile, (62, 40, 162, 160)).photo
    factor = min(1.0, TILE / max(new.shape[2:]))
    if factor < 1:
        new = F.interpolate(new, scale_factor=factor, mode="bilinear", antialias=True)
    height, width = new.shape[2:]
    return F.pad(new, (0, TILE - width, 0, TILE - height), value=-0.75)


def shown(photo: Tensor, detector: str) -> Image.Image:
    """The photo (1, 3, H, W) with what a detector finds."""
    picture = Image.fromarray(images.to_uint8(photo)[0])
    draw = ImageDraw.Draw(picture)
    for face in finding.find(photo, detector):
        colour = "lime" if face.score >= 0.9 else "orange"
        draw.rectangle(face.box, outline=colour, width=3)
        x, y = face.landmarks[0]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    return picture


def main() -> None:
    """Write the picture."""
    torch.set_num_threads(1)
    photo, step = images.load(MEDIA / "group.jpg").pixels, TILE + GAP
    for k, name in enumerate(CHANGES):
        left, top = GAP + k % COLUMNS * step, GAP + k // COLUMNS * step
        tile = photo[:, :, top : top + TILE, left : left + TILE]
        tile.copy_(changed(tile.clone(), name))
    parts = [shown(photo, "mtcnn"), shown(photo, "union")]
    width, height = parts[0].size
    whole = Image.new("RGB", (width, 2 * height + GAP), "white")
    for k, part in enumerate(parts):
        whole.paste(part, (0, k * (height + GAP)))
    whole.save(MEDIA / "detection.jpg", quality=88)


if __name__ == "__main__":
    main()
