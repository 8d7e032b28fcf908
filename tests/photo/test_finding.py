"""Every face: upright, turned, cut by the border, dark; and who found it."""

import math

import pytest
import torch
import torch.nn.functional as F

from deid.photo import centerface, choices, finding, turning
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face, overlap


@pytest.fixture(scope="module")
def small(sample):
    """The photo of two people at half its size (1, 3, H, W)."""
    return F.interpolate(sample.pixels, scale_factor=0.5, mode="bilinear", antialias=True)


@pytest.fixture(scope="module")
def faces(small) -> list[Face]:
    return finding.find(small, "mtcnn")


def tilt(face: Face) -> float:
    """Degrees by which the frame is turned clockwise for a face."""
    matrix = DCGAN_FRAME.matrix(face)
    return math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))


def all_there(found: list[Face], wanted: list[Face], least: float = 0.5) -> bool:
    return all(any(overlap(a.box, b.box) > least for a in found) for b in wanted)


def test_upright_faces_are_found_by_both(small, faces):
    found = finding.find(small)
    assert [face.by for face in found] == [("mtcnn", "centerface")] * 2
    assert [face.landmarks for face in found] == [face.landmarks for face in faces]
    assert finding.find(small) == found, "the same photo, the same faces"
    assert [face.size for face in found] == sorted((face.size for face in found), reverse=True)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_faces_are_found_and_lie_the_right_way(small, faces, quarters):
    photo = turning.turned(small, quarters).contiguous()
    size = (photo.shape[3], photo.shape[2])
    wanted = [turning.turned_back(face, -quarters, size) for face in faces]
    found = finding.find(photo)
    assert len(found) == 2 and all_there(found, wanted) and min(face.score for face in found) > 0.9
    for face, true in zip(found, wanted, strict=True):
        assert abs((tilt(face) - tilt(true) + 180) % 360 - 180) < 12
    assert len(finding.find(photo, "mtcnn")) < 2, "MTCNN alone misses faces that lie on their side"


def test_one_turned_face_among_upright_ones_is_found(small, faces):
    height, width = small.shape[2:]
    beside = torch.full((1, 3, max(height, width), height + width), -0.3)
    beside[:, :, :height, :width] = small
    beside[:, :, :width, width:] = turning.turned(small, 1)
    found = finding.find(beside)
    lying = [turning.turned_back(face, -1, (height, width)).moved(width, 0) for face in faces]
    assert len(found) == 4 and all_there(found, [*faces, *lying])


def test_an_upright_photo_is_not_looked_at_turned_in_full(small, monkeypatch):
    looked_at, detect = [], centerface.detect

    def watched(photo, *others):
        looked_at.append(photo[0, 0].numel())
        return detect(photo, *others)

    monkeypatch.setattr(centerface, "detect", watched)
    finding.find(small)
    whole = small[0, 0].numel()
    assert looked_at[0] == whole and len(looked_at) == 4 and max(looked_at[1:]) < whole / 3
    looked_at.clear()
    finding.find(turning.turned(small, 1).contiguous())
    assert looked_at.count(whole) >= 2


def test_half_a_face_at_the_border_is_found(small, faces):
    left = min(faces, key=lambda face: face.box[0])
    cut = round((left.box[0] + left.box[2]) / 2)
    photo = small[:, :, :, cut:].contiguous()
    found = [face for face in finding.find(photo) if face.box[0] < 5]
    assert [face.by for face in found] == [("centerface",)]
    assert not [face for face in finding.find(photo, "mtcnn") if face.score > 0.9 and face.box[0] < 5]


def test_faces_in_the_dark_are_found(small, faces):
    dark = ((small + 1) / 2 / 10 * 255).round() / 255 * 2 - 1
    found = finding.find(dark)
    assert len(found) == 2 and all_there(found, faces, 0.4) and min(face.score for face in found) > 0.9


@pytest.mark.slow
def test_a_thorough_look_finds_turned_and_tiny_faces(small, faces):
    tiny = F.interpolate(turning.turned(small, 1), scale_factor=0.11, mode="bilinear", antialias=True)
    size = (small.shape[2], small.shape[3])
    wanted = [turning.turned_back(face, -1, size).scaled(0.11) for face in faces]
    found = finding.find(tiny.contiguous(), "thorough")
    assert max(face.size for face in wanted) < 14 and all_there(found, wanted, 0.4)


def test_a_photo_without_faces_has_none_for_any_detector():
    for detector in choices.DETECTORS:
        for size in [(1, 1), (12, 40), (90, 120)]:
            assert finding.find(torch.full((1, 3, *size), -0.2), detector) == []
