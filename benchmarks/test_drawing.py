"""A face of the default beside one of version 3, whose network draws 128 pixels; after loading."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deid import inpainting
from deid.inpainting.interface import MaskedFaces
from deid.photo import alignment, detection, images, masks
from deid.photo.alignment import DCGAN_FRAME

GROUP = Path(__file__).parents[1] / "media" / "group.jpg"
WAYS = pytest.mark.parametrize("way", ["onepass", "reference"])


def faces(method: inpainting.Method, size: int) -> Iterator[MaskedFaces]:
    """Each face of the group photo by itself, in frames of so many pixels where the method draws any size."""
    photo = images.load(GROUP)
    frame = DCGAN_FRAME.resized(size) if method.detailed else method.frame
    (found,) = detection.detect(photo.pixels)
    for face in found:
        matrix = frame.matrix(face)
        points = alignment.apply(alignment.invert(matrix), face.points())
        crop = alignment.crop(photo.pixels, matrix, frame.size)
        visible = masks.frame_mask(method.mask, points, frame.size)
        yield MaskedFaces(crop, visible, [0], points[None])


def drawn(benchmark, way: str, size: int) -> None:
    method = inpainting.load_method(way)
    given = list(faces(method, size))
    benchmark.pedantic(
        lambda: [list(method.draw(face)) for face in given], rounds=3, warmup_rounds=1, iterations=1
    )
    benchmark.extra_info["ms a face"] = round(1000 * benchmark.stats.stats.min / len(given), 1)


@WAYS
def test_faces_of_256_pixels(benchmark, way):
    drawn(benchmark, way, 256)


@WAYS
def test_faces_of_512_pixels(benchmark, way):
    drawn(benchmark, way, 512)
