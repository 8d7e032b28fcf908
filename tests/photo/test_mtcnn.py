"""The detector's three networks find what facenet-pytorch's MTCNN finds."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from facenet_pytorch import MTCNN

from deid.photo import images, mtcnn
from deid.references.sources import openpeople_portraits


@pytest.fixture(scope="module")
def crowd(sample):
    """Two images (2, 3, H, W): the sample photo beside its mirror image, and the same darker."""
    small = F.interpolate(sample.pixels, scale_factor=0.4, mode="bicubic", antialias=True)
    one = torch.cat([small, small.flip(3)], 3)
    return images.to_levels(torch.cat([one, one.flip(3) / 2 - 0.3]))


def both(pixels, smallest):
    """What facenet-pytorch and we find in images of levels, for each image and face: box, points, score."""
    network = MTCNN(min_face_size=smallest, keep_all=True, post_process=False)
    with torch.inference_mode():
        boxes, scores, points = network.detect(pixels.permute(0, 2, 3, 1), landmarks=True)
    found = mtcnn.detect(pixels, smallest)
    rows = torch.cat([found.boxes, found.points.flatten(1), found.scores[:, None]], 1)
    for k in range(len(pixels)):
        parts = (
            np.asarray(part[k], np.float32).reshape(len(boxes[k]), -1) for part in (boxes, points, scores)
        )
        published = torch.from_numpy(np.concatenate(list(parts), 1))
        yield tuple(faces[faces[:, 0].argsort()] for faces in (published, rows[found.image == k]))


@pytest.mark.parametrize("smallest", [12, 19, 41])
@pytest.mark.filterwarnings("ignore")
def test_it_finds_what_facenet_pytorch_finds(crowd, smallest):
    for published, own in both(crowd, smallest):
        assert len(own) == 4
        torch.testing.assert_close(own, published, rtol=0, atol=0.01)


@pytest.mark.filterwarnings("ignore")
def test_of_equal_scores_it_decides_for_the_same():
    """The last network is quite sure of several boxes that lie over each other."""
    (pixels,) = (face.pixels for face in openpeople_portraits(("P002",)) if face.name == "P002-playful")
    ((published, own),) = both(images.to_levels(pixels), 32)
    torch.testing.assert_close(own, published, rtol=0, atol=0.01)


@torch.no_grad()
def test_tiles_of_an_image_give_what_the_whole_gives(crowd, monkeypatch):
    whole = mtcnn.detect(crowd, 20)
    monkeypatch.setattr(mtcnn, "TILE", 7)
    for tiles, once in zip(mtcnn.detect(crowd, 20), whole, strict=True):
        torch.testing.assert_close(tiles, once, rtol=0, atol=1e-3)


def test_nothing_is_found_where_nothing_is():
    for shape in [(1, 3, 12, 12), (2, 3, 40, 90)]:
        found = mtcnn.detect(torch.full(shape, 90.0), 12)
        assert [len(part) for part in found] == [0] * 4 and found.points.shape == (0, 5, 2)


def test_torchvision_is_not_imported_for_it():
    """Its import takes longer than a photo does."""
    code = "import sys, torch; from deid.photo import detection; detection.detect(torch.zeros(1, 3, 99, 99))"
    code += "; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
