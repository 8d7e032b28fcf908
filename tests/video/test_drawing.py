"""Each frame's faces: hidden, drawn, and steady from frame to frame."""

import numpy as np
import pytest
import torch

from deid.anonymization.options import Options
from deid.photo.alignment import DCGAN_FRAME
from deid.video import drawing, engine, measuring, staging
from deid.video.disguises import Disguise
from deid.video.drawing import Painter, Role, targets_at

from .conftest import LARGE


def roles_for(survey, options):
    frame = options.load_method().frame if options.draws else DCGAN_FRAME
    disguise = Disguise(options.method, options.hole, 3, 0.5, frame=frame)
    return [Role(path, disguise) for path in engine.follow(survey, options)]


@pytest.mark.parametrize("method", ["blackout", "blur", "pixelate", "onepass"])
def test_only_hidden_places_change(scenario, method):
    staged, survey = scenario("moves")
    options = Options(method=method, verify=False, **LARGE)
    shown = targets_at(5, roles_for(survey, options), options)
    painted = Painter(options).paint(staged[5].pixels, shown)
    assert len(shown) == 2 and not measuring.visible(staged[5], painted.hidden)
    changed = (painted.pixels != staged[5].pixels).any(2)
    near = np.asarray(
        torch.nn.functional.max_pool2d(torch.from_numpy(painted.hidden)[None].float(), 9, 1, 4)[0] > 0
    )
    assert changed[painted.hidden].mean() > 0.8 and not (changed & ~near).any()


def test_a_frame_without_faces_is_the_same(scenario):
    staged, _ = scenario("moves")
    painted = Painter(Options(method="blackout")).paint(staged[0].pixels, {})
    assert painted.pixels is staged[0].pixels and not painted.hidden.any()


def test_what_is_drawn_never_depends_on_hidden_pixels(scenario):
    staged, survey = scenario("moves")
    options = Options(method="onepass", verify=False, **LARGE)
    shown = targets_at(5, roles_for(survey, options), options)
    before = Painter(options).paint(staged[5].pixels, shown)
    noise = np.random.default_rng(0).integers(0, 256, staged[5].pixels.shape).astype(np.uint8)
    noisy = np.where(before.hidden[..., None], noise, staged[5].pixels)
    assert np.array_equal(Painter(options).paint(noisy, shown).pixels, before.pixels)


def test_light_is_that_of_the_frames_before(scenario, monkeypatch):
    """Without the running mean the same clip flickers more."""
    staged, survey = scenario("moves")
    options = Options(method="onepass", verify=False, **LARGE)
    roles, flickers = roles_for(survey, options), []
    for memory in (0.0, drawing.MEMORY):
        monkeypatch.setattr(drawing, "MEMORY", memory)
        made = [p.pixels for p in engine.paint(staging.frames_of(staged[:6]), roles, options)]
        flickers.append(sum(after for _, after in measuring.flicker(staged[:6], made)))
    assert flickers[1] < 0.85 * flickers[0]


def test_a_painter_remembers_only_who_is_there(scenario):
    staged, survey = scenario("moves")
    options = Options(method="onepass", verify=False, **LARGE)
    painter, shown = Painter(options), targets_at(5, roles_for(survey, options), options)
    painter.paint(staged[5].pixels, shown)
    assert painter.light.keys() == painter.fills.keys() == {0, 1}
    painter.paint(staged[6].pixels, {0: shown[0]})
    assert painter.light.keys() == painter.fills.keys() == {0}


def test_where_a_face_cannot_be_drawn_its_last_fill_goes_on(scenario, monkeypatch):
    staged, survey = scenario("moves")
    options = Options(method="onepass", verify=False, **LARGE)
    roles = roles_for(survey, options)
    painter = Painter(options)
    painter.paint(staged[5].pixels, targets_at(5, roles, options))
    monkeypatch.setattr("deid.anonymization.synthesis.MAX_CONTEXTUAL", -1.0)
    goes_on = painter.paint(staged[6].pixels, targets_at(6, roles, options))
    without = Painter(options).paint(staged[6].pixels, targets_at(6, roles, options))
    assert goes_on.pixels[goes_on.hidden].mean() > 60 > 1 > without.pixels[without.hidden].mean()


@pytest.mark.parametrize("method", ["blackout", "onepass"])
def test_one_that_has_left_the_picture_is_not_drawn(scenario, method):
    staged, survey = scenario("leaves and comes back")
    options = Options(method=method, verify=False, **LARGE)
    shown = targets_at(20, roles_for(survey, options), options)
    assert shown, "followed, outside"
    painted = Painter(options).paint(staged[20].pixels, shown)
    assert not painted.hidden.any() and np.array_equal(painted.pixels, staged[20].pixels)
