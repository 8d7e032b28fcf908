"""Attributes: turned, tilted and lit faces are measured as such; the measures follow the labels."""

import pytest
import torch

from deid.photo.alignment import DCGAN_FRAME
from deid.references import attributes
from deid.references.library import Library

FRONTAL = torch.tensor(DCGAN_FRAME.template)


def moved(index, x=0.0, y=0.0):
    points = FRONTAL.clone()
    points[index] += torch.tensor([x, y])
    return points


def test_a_frontal_face_has_no_angles():
    pose = attributes.pose(FRONTAL)
    assert abs(pose["yaw"]) < 1 and abs(pose["pitch"]) < 5 and abs(pose["roll"]) < 0.1
    assert pose["mouth_width"] == pytest.approx(0.893, abs=0.01)


def test_the_nose_tells_where_the_head_is_turned():
    assert attributes.pose(moved(2, x=0.06))["yaw"] > 20 > -20 > attributes.pose(moved(2, x=-0.06))["yaw"]
    assert attributes.pose(moved(2, y=-0.04))["pitch"] > attributes.pose(FRONTAL)["pitch"] + 10


def test_a_mirrored_crop_has_mirrored_attributes(small):
    crop, places = small.crop(0, 256), small.landmarks[0]
    mirrored = places[[1, 0, 2, 4, 3]] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    one, other = attributes.measure(crop, places), attributes.measure(crop.flip(3), mirrored)
    for name in ("yaw", "roll", "light_side"):
        assert one[name] == pytest.approx(-other[name], abs=2.0), name
    for name in ("pitch", "mouth_width", "skin_l", "light_top", "teeth"):
        assert one[name] == pytest.approx(other[name], abs=2.0), name


def test_a_darker_left_half_is_light_from_the_right(small):
    shade = torch.linspace(0.4, 1.0, 256).view(1, 1, 1, 256)
    lit = (small.crop(0, 256) + 1) * shade - 1
    before = attributes.measure(small.crop(0, 256), small.landmarks[0])
    after = attributes.measure(lit, small.landmarks[0])
    assert after["light_side"] > before["light_side"] + 8 and after["skin_l"] < before["skin_l"]


def test_smiles_show_teeth_and_views_from_the_side_are_turned(library_path):
    found = {reference.name: reference.attributes for reference in Library.open(library_path).references}
    for person in ("P001", "P003", "P009"):
        assert found[f"{person}-happy"]["teeth"] > found[f"{person}-neutral"]["teeth"] + 0.05
        assert abs(found[f"{person}-neutral"]["yaw"]) < 8 and found[f"{person}-neutral"]["mouth_open"] < 0.1
    assert abs(found["P001-left"]["yaw"]) > 35
