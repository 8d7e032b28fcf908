"""A face of version 1: the shipped search beside the original study's, 64 starts and 1,500 iterations."""

from pathlib import Path

import pytest

from deid import inpainting
from deid.inpainting.interface import MaskedFaces
from deid.inpainting.settings import Search
from deid.photo import alignment, detection, images, masks

SAMPLE = Path(__file__).parents[1] / "media" / "sample.jpg"
WAYS = {
    "deid": Search(),
    "warm": Search(starts=2, iterations=60, warm=True),
    "closer": Search(starts=64, iterations=400),
    "plain": Search(starts=64, iterations=1500, bank=0, drop=False),
}


@pytest.fixture(scope="session")
def method() -> inpainting.Method:
    return inpainting.load_method("dcgan")


@pytest.fixture(scope="session")
def face(method) -> MaskedFaces:
    """The first face of the sample photo, its hole where the tool would have it."""
    photo = images.load(SAMPLE)
    (found,) = detection.detect(photo.pixels)
    matrix, size = method.frame.matrix(found[0]), method.frame.size
    points = alignment.apply(alignment.invert(matrix), found[0].points())
    crop = alignment.crop(photo.pixels, matrix, size)
    return MaskedFaces(crop, masks.frame_mask(method.mask, points, size), [0], points[None])


@pytest.mark.parametrize("way", WAYS)
def test_inpainting(benchmark, method, face, way):
    losses = []

    def search() -> None:
        *_, step = method.draw(face, WAYS[way])
        losses.append(step.losses["contextual"].item())

    benchmark.pedantic(search, rounds=1)
    benchmark.extra_info["contextual loss"] = round(min(losses), 5)
