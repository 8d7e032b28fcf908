"""Evenness: patches of light, shadows and strands count; a lamp from one side, eyes and a beard do not."""

from dataclasses import replace

import pytest
import torch

from deid.references import evenness, gates
from deid.references.build import examine
from deid.references.sources import openpeople_portraits

SIDE = 256


@pytest.fixture
def face(small):
    """A face in studio light, and its landmarks in pixels."""
    return small.crop(0, SIDE).clone(), small.landmarks[0] * SIDE


def measured(small, crop):
    return evenness.unevenness(crop, small.landmarks[0])


def places():
    steps = torch.arange(float(SIDE))
    return torch.meshgrid(steps, steps, indexing="xy")


def test_studio_light_is_even_at_any_size(small):
    found = [measured(small, small.crop(0, side)) for side in (128, 256, 512)]
    assert max(found) < gates.UNEVEN
    assert max(found) - min(found) < 0.03


def test_light_from_one_side_is_even(small, face):
    crop, _ = face
    x, _ = places()
    lit = (crop + 1) * (0.75 + 0.5 * x / SIDE) - 1
    assert measured(small, lit) < measured(small, crop) + 0.08


def test_the_edge_of_a_shadow_across_a_face_is_uneven(small, face):
    crop, points = face
    x, _ = places()
    shaded = torch.where(x > points[2, 0], (crop + 1) * 0.35 - 1, crop)
    assert measured(small, shaded) > 1.3 * gates.UNEVEN
    assert gates.light_reason(shaded, small.landmarks[0]) == "uneven light"


def test_strands_of_hair_on_a_forehead_count(small, face):
    crop, points = face
    x, y = places()
    strands = ((x + 0.3 * y) % 16 < 5) & (y < points[:2, 1].mean() - 25)
    with_hair = torch.where(strands, torch.full_like(crop, -0.9), crop)
    assert measured(small, with_hair) > measured(small, crop) + 0.1


def test_eyes_and_a_beard_do_not_count(small, face):
    crop, points = face
    x, y = places()
    beard = torch.where(y > points[3:, 1].mean() - 5, torch.full_like(crop, -0.9), crop)
    assert measured(small, beard) == pytest.approx(measured(small, crop), abs=0.02)
    eyes = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for eye in points[:2]:
        eyes |= ((x - eye[0]) / 18) ** 2 + ((y - eye[1]) / 10) ** 2 < 1
    assert measured(small, torch.where(eyes, torch.full_like(crop, 0.9), crop)) == pytest.approx(
        measured(small, crop), abs=0.02
    )


def test_a_plane_is_found_below_what_is_strange():
    steps = torch.linspace(-1, 1, 64)
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    wanted = 0.5 + 0.2 * down - 0.1 * right
    values = wanted.clone()
    values[10:22, 10:22] += 0.6
    found = evenness.plane(values, torch.ones(64, 64, dtype=torch.bool), 0.06)
    assert (found - wanted).abs().max() < 0.01


def test_light_is_asked_about_where_a_source_was_not_looked_at():
    """The portraits in the sun of the people that everybody has were looked at one by one."""
    (sunny,) = (p for p in openpeople_portraits(("P009",)) if p.name == "P009-amateur_selfie")
    assert examine(sunny)[1] == ""
    assert examine(replace(sunny, seen=False))[1] == "uneven light"
