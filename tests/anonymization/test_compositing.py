"""Holes in a photo, and faces pasted over them."""

import dataclasses
import math

import pytest
import torch

from deid.anonymization import compositing, pipeline
from deid.anonymization.compositing import Scene
from deid.anonymization.options import Options
from deid.anonymization.targets import place
from deid.photo import alignment, masks, texture
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face, from_landmarks


@pytest.fixture
def scene_of(sample, quick):
    """Hides these faces of the sample photo -> their targets, and the scene."""

    def hide(found):
        targets = pipeline.plan_targets(found, quick["onepass"])
        return targets, compositing.hide(sample.pixels, targets)

    return hide


def test_every_pixel_of_the_outline_is_hidden_at_photo_resolution(scene_of, sample, sample_faces):
    _, (pixels, hidden) = scene_of(sample_faces)
    assert (pixels[hidden.expand_as(pixels) > 0.5] == 0).all()
    visible = hidden.expand_as(pixels) < 0.5
    assert torch.equal(pixels[visible], sample.pixels[visible])
    for face in sample_faces:
        for x, y in face.landmarks:
            assert hidden[0, 0, round(y), round(x)] == 1


def test_arms_of_glasses_go_only_beside_faces_drawn_in_detail(sample, sample_faces, own_library):
    """The right person of the sample wears glasses."""

    def changed(options):
        pixels, hidden = compositing.hide(sample.pixels, pipeline.plan_targets(sample_faces, options))
        return ((pixels != sample.pixels) & (hidden < 0.5)).any(1)[0]

    painted = changed(Options(method="reference"))
    (left, top, right, bottom), (y, x) = sample_faces[1].box, painted.nonzero().unbind(1)
    aside, (_, low) = 0.3 * (right - left), sample_faces[1].landmarks[3]
    assert len(x) and left - aside < x.min() and x.max() < right + aside and top < y.min() and y.max() < low
    assert painted.sum() < 0.1 * (right - left) * (bottom - top)
    assert not changed(Options(method="onepass")).any()
    for method in ("blackout", "blur", "pixelate"):
        assert not changed(Options(method=method)).any()


def test_a_doubtful_face_under_a_hole_is_no_doubt(scene_of, sample_faces):
    _, (_, hidden) = scene_of(sample_faces)
    assert compositing.covered(sample_faces[0].moved(5, -5), hidden)
    assert not compositing.covered(sample_faces[0].moved(60, 0), hidden)
    assert not compositing.covered(sample_faces[0], torch.zeros_like(hidden))


def test_a_view_shows_nothing_of_a_hidden_pixel(scene_of, sample, sample_faces):
    """With the hole white and with the hole black, the view is the same."""
    targets, (pixels, hidden) = scene_of(sample_faces)
    for target in targets:
        crop, visible = compositing.view(Scene(pixels, hidden), target)
        for value in (-1.0, 1.0):
            other = torch.where(hidden > 0.5, torch.full_like(pixels, value), pixels)
            again, _ = compositing.view(Scene(other, hidden), target)
            assert (again - crop).abs().max() < 3e-4, "a share of 1e-4 at most, far less than a grey level"
        assert 0.2 < visible.mean() < 0.8 and (crop * (1 - visible) == 0).all()


def test_near_faces_are_drawn_over_far_ones(scene_of, sample, sample_faces):
    near = sample_faces[0]
    points = near.points()
    centre = points.mean(0)
    far = Face(near.box, 1.0, tuple(map(tuple, ((points - centre) * 0.5 + centre + 30).tolist())))
    far = dataclasses.replace(
        far, box=(near.box[0] + 60, near.box[1] + 60, near.box[2] - 60, near.box[3] - 60)
    )
    targets, scene = scene_of([near, far])
    size = targets[0].frame.size
    fills = [torch.full((1, 3, size, size), value) for value in (-0.5, 0.5)]
    composed = compositing.blend(scene, targets, fills, finish=False)
    (left, top, right, bottom), inside = compositing.hole_of(targets[1], sample.size)
    area = composed[:, :, top:bottom, left:right]
    assert targets[1].face == near
    assert area[inside.expand_as(area) > 0.5].sub(0.5).abs().max() < 1e-5


def test_black_lies_over_every_fill(scene_of, sample, sample_faces):
    """The far face is given up, the near one is drawn over the same place: black stays on top."""
    left = sample_faces[0]
    small = Face((*left.box[:2], left.box[0] + 60, left.box[1] + 60), 1.0, left.landmarks)
    targets, scene = scene_of([small, left])
    targets[0] = targets[0].blacked_out("a test")
    size = targets[0].frame.size
    for finish in (False, True):
        composed = compositing.blend(scene, targets, [None, torch.zeros(1, 3, size, size)], finish)
        (x1, y1, x2, y2), inside = compositing.hole_of(targets[0], sample.size)
        assert (composed[:, :, y1:y2, x1:x2][inside.expand(-1, 3, -1, -1) > 0.5] == -1).all()


@pytest.mark.parametrize("mask", masks.MASKS)
@pytest.mark.parametrize("degrees", [0, 45, 170])
@pytest.mark.parametrize("x", [-60, 150, 398])
def test_a_hole_is_the_masks_at_every_pixel(mask, degrees, x):
    """Turned, beyond the border, and tiny: no pixel is missed by the coarse grid that finds the hole."""
    for size in (8.0, 200.0):
        angle = torch.tensor(degrees * math.pi / 180, dtype=torch.float64)
        rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
        points = (DCGAN_FRAME.points() / 64 - 0.5) @ rotation.T * size + torch.tensor([x, 140.0])
        target = place(from_landmarks(points), Options(mask=mask), DCGAN_FRAME, 1)
        (left, top, right, bottom), inside = compositing.hole_of(target, (400, 300))
        y, x_ = torch.meshgrid(torch.arange(300.0), torch.arange(400.0), indexing="ij")
        back = alignment.invert(target.place)
        there = alignment.apply(back, torch.stack([x_, y], -1).reshape(-1, 2)).reshape(300, 400, 2)
        wanted = masks.hides(mask, there, target.landmarks, 64)
        assert torch.equal(inside[0, 0] > 0.5, wanted[top:bottom, left:right])
        assert inside.sum() == wanted.sum(), "and none lies outside the region"


def test_a_patch_does_not_depend_on_what_the_others_become(scene_of, sample_faces):
    targets, scene = scene_of(sample_faces)
    size = targets[0].frame.size
    fill = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    own = compositing.patch(scene, targets[0], fill)
    for other in (None, torch.ones_like(fill)):
        left, top, right, bottom = own.region
        area = compositing.blend(scene, targets, [fill, other])[:, :, top:bottom, left:right]
        covered = own.weights.expand_as(area) == 1
        assert torch.equal(area[covered], own.pixels[covered])


def test_what_is_far_from_a_hole_does_not_matter_to_its_patch(scene_of, sample_faces):
    """A patch is as large as its hole and a soft edge, and follows from what lies near it."""
    (target, *_), scene = scene_of(sample_faces[:1])
    fill = torch.rand(1, 3, target.frame.size, target.frame.size, generator=torch.Generator().manual_seed(0))
    put = compositing.patch(scene, target, fill)
    far = masks.dilate(scene.hidden, texture.reach(scene.hidden) + 1) < 0.5
    assert far.float().mean() > 0.2
    other = scene._replace(pixels=torch.where(far, -scene.pixels, scene.pixels))
    again = compositing.patch(other, target, fill)
    assert put.region == again.region and torch.equal(put.pixels, again.pixels)
    left, top, right, bottom = put.region
    rows, columns = masks.bounds(scene.hidden[0, 0] > 0.5, 6)
    assert left >= columns.start and right <= columns.stop and top >= rows.start and bottom <= rows.stop
