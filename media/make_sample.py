"""Makes media/sample.jpg: two portraits in the public domain, the right one tilted by 15 degrees.

Run once by hand: ``pip install scikit-image``, then ``python media/make_sample.py``. Nothing else needs it.

- Left: Eileen Collins, NASA, 1992; a work of the US government, in the public domain.
  Shipped with scikit-image as ``skimage.data.astronaut()``.
- Right: Commodore Grace M. Hopper, James S. Davis, US Navy, 1984; a work of the US government, in the public
  domain. Shipped with matplotlib as ``grace_hopper.jpg``.
"""

from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image
from skimage import data

SIZE, SEAM, RIGHT = (1160, 720), 10, 500
TILT = 15  # degrees
MARGIN = 220  # source pixels added around a portrait, so that tilting it uncovers no black corner


def extend(photo: np.ndarray, flag: int = 30, band: int = 34) -> np.ndarray:
    """The portrait (H, W, 3) with its background continued on every side.

    Above and beside, a mirror image. Below, the last ``band`` rows of the plain jacket back and forth: a
    mirror would repeat medals. Beside the jacket (the first ``flag`` columns), the flag's last row drawn on.
    """
    jacket = np.pad(photo[-band:], ((0, MARGIN), (0, 0), (0, 0)), mode="reflect")[band:]
    jacket[:, :flag] = photo[-1:, :flag]
    return np.pad(np.concatenate([photo, jacket]), ((MARGIN, 0), (MARGIN, MARGIN), (0, 0)), mode="reflect")


def panel(
    photo: np.ndarray, size: tuple[int, int], scale: float, centre: tuple[float, float], tilt: float
) -> Image.Image:
    """``photo`` enlarged by ``scale``, turned counter-clockwise by ``tilt`` degrees, around ``centre``."""
    a, b = np.cos(np.radians(tilt)) / scale, np.sin(np.radians(tilt)) / scale
    x, y = size[0] / 2, size[1] / 2
    matrix = (a, -b, centre[0] + MARGIN - a * x + b * y, b, a, centre[1] + MARGIN - b * x - a * y)
    return Image.fromarray(extend(photo)).transform(
        size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )


def main() -> None:
    collins = data.astronaut()
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))[:566]  # below that begins the next button
    width, height = SIZE
    canvas = Image.new("RGB", SIZE, "white")
    canvas.paste(panel(collins, (width - SEAM - RIGHT, height), 1.65, (238, 220), 0), (0, 0))
    canvas.paste(panel(hopper, (RIGHT, height), 1.04, (268, 343), TILT), (width - RIGHT, 0))
    canvas.save(Path(__file__).with_name("sample.jpg"), quality=92, optimize=True)


if __name__ == "__main__":
    main()
