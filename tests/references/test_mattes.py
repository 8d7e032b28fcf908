"""Mattes: the face is inside, the background and the hair are not."""

import pytest
import torch

from deid.references import mattes
from deid.references.library import Library


def value(matte, point):
    x, y = (point * mattes.SIDE).long().tolist()
    return matte[0, 0, y, x].item()


@pytest.fixture(scope="module")
def people(library_path):
    return Library.open(library_path)


def test_eyes_mouth_and_cheeks_are_inside_and_corners_outside(people):
    for reference, matte in zip(people.references, people.mattes.float() / 255, strict=True):
        if abs(reference.attributes["yaw"]) < 20:
            points = reference.landmarks
            places = [*points, (points[0] + points[3]) / 2, (points[1] + points[4]) / 2, points[3:].mean(0)]
            assert min(value(matte[None], point) for point in places) > 0.9, reference.name
            assert matte[0, :6, :6].max() == 0 and matte[0, :6, -6:].max() == 0, reference.name


def test_hair_beside_the_face_is_outside(people):
    """Long hair hangs down both sides of this face."""
    (index,) = [r.index for r in people.references if r.name == "P009-neutral"]
    matte = people.mattes[index : index + 1].float() / 255
    for place in ((0.10, 0.5), (0.90, 0.5), (0.5, 0.05)):
        assert value(matte, torch.tensor(place)) < 0.1


def test_a_face_painted_on_a_plain_ground_is_found_as_it_is():
    y, x = torch.meshgrid(torch.linspace(0, 1, 256), torch.linspace(0, 1, 256), indexing="ij")
    inside = ((x - 0.5) / 0.3) ** 2 + ((y - 0.55) / 0.4) ** 2 < 1
    skin, ground = torch.tensor([0.5, 0.1, -0.1]), torch.tensor([-0.6, -0.2, 0.4])
    crop = torch.where(inside[None], skin[:, None, None], ground[:, None, None])[None]
    points = torch.tensor([[0.36, 0.425], [0.64, 0.425], [0.5, 0.592], [0.375, 0.721], [0.625, 0.721]])
    found = mattes.matte(crop, points)
    wanted = torch.nn.functional.interpolate(inside.float()[None, None], (128, 128), mode="area")
    assert found.shape == (1, 1, 128, 128) and found.min() >= 0 and found.max() <= 1
    assert ((found > 0.5) != (wanted > 0.5)).float().mean() < 0.03


def test_a_turned_head_is_judged_by_its_near_side():
    points = torch.tensor([[0.36, 0.425], [0.60, 0.425], [0.66, 0.592], [0.375, 0.721], [0.58, 0.721]])
    assert mattes.turn(points) > mattes.TURNED
    assert (mattes.spots(points)[:, 0] < 0.55).all()


def test_a_face_whose_spots_have_no_common_hue_still_has_a_matte():
    """Coloured light from every side: no two spots are alike."""
    y, x = torch.meshgrid(torch.linspace(0, 6, 128), torch.linspace(0, 6, 128), indexing="ij")
    crop = torch.stack([x.sin(), (2 * y).cos(), (x * y).sin()])[None]
    points = torch.tensor([[0.36, 0.425], [0.64, 0.425], [0.5, 0.592], [0.375, 0.721], [0.625, 0.721]])
    matte = mattes.matte(crop, points)
    assert matte.shape == (1, 1, 128, 128) and value(matte, points[2]) > 0.5
