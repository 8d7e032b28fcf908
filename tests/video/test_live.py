"""A camera's picture, fed by frames instead of a camera."""

import dataclasses
import sys

import numpy as np
import pytest

from deid.__main__ import main
from deid.anonymization.options import Options
from deid.video import live, measuring, searching
from deid.video.reading import ClipError

from .conftest import LARGE

BLACK = Options(method="blackout", mask="forehead", verify=False, **LARGE)


def shown(staged, options=BLACK, find=None):
    find = find or searching.finder(options)
    return list(live.anonymized((frame.pixels for frame in staged), options, find))


def seen(frame, painted):
    return measuring.visible(frame, painted.hidden)


def test_moving_faces_are_hidden_in_every_frame(scenario):
    staged = scenario("moves")[0][:12]
    painted = shown(staged)
    assert len(painted) == 12
    assert not any(seen(*pair) for pair in zip(staged, painted, strict=True))


def test_a_face_that_is_lost_stays_hidden_and_in_the_end_is_let_go(scenario):
    staged = scenario("is lost for a moment")[0][:1] * (live.HOLD + 4)
    calls, found = [], searching.finder(BLACK)(staged[0].pixels)

    def find(pixels):
        calls.append(1)
        return found if len(calls) <= 2 else []

    painted = shown(staged, find=find)
    assert not any(measuring.visible(staged[0], one.hidden) for one in painted[: 2 + live.HOLD])
    assert painted[5].hidden.sum() > painted[1].hidden.sum(), "behind a larger mask"
    assert not painted[-1].hidden.any()


def test_one_person_is_shown_for_one_face(scenario, library_path):
    staged = scenario("moves")[0][:3]
    options = dataclasses.replace(BLACK, method="reference", weights=str(library_path))
    painted = shown(staged, options)
    drawn = [one.pixels[one.hidden].mean() for one in painted]
    assert max(drawn) - min(drawn) < 8 and min(drawn) > 40
    assert not any(seen(*pair) for pair in zip(staged, painted, strict=True))


def test_doubtful_faces_are_black(scenario):
    staged = scenario("moves")[0][:2]
    found = [dataclasses.replace(face, score=0.75) for face in searching.finder(BLACK)(staged[0].pixels)]
    painted = shown(staged, dataclasses.replace(BLACK, method="blur"), lambda pixels: found)
    assert painted[1].hidden.any() and not painted[1].pixels[painted[1].hidden].any()


def test_without_opencv_the_command_that_installs_it_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ClipError, match="pip install opencv-python"):
        next(live.show(0, BLACK))
    assert main(["--webcam", "0", "--method", "blackout", "--no-verify"]) == 2
    assert "pip install opencv-python" in capsys.readouterr().err


class Camera:
    """What stands in for OpenCV: a camera of few frames, and a window that remembers."""

    error = RuntimeError

    def __init__(self, frames, opens=True, keys=()):
        self.frames, self.opens, self.keys, self.window = list(frames), opens, list(keys), []

    def VideoCapture(self, number):
        return self

    def isOpened(self):
        return self.opens

    def read(self):
        return (True, self.frames.pop(0)) if self.frames else (False, None)

    def release(self):
        self.opens = False

    def imshow(self, name, pixels):
        self.window.append(pixels)

    def waitKey(self, milliseconds):
        return self.keys.pop(0) if self.keys else -1


def test_a_camera_is_shown_until_a_key_is_pressed(monkeypatch, scenario):
    staged = scenario("moves")[0]
    camera = Camera([frame.pixels[:, :, ::-1] for frame in staged[:9]], keys=[-1, -1, ord("q")])
    monkeypatch.setitem(sys.modules, "cv2", camera)
    assert main(["--webcam", "0", "--method", "blackout", "--no-verify", "--min-size", "36"]) == 0
    assert len(camera.window) == 3 and not camera.opens
    part = staged[0].viewed[0]
    assert not camera.window[0][part].any() and np.array_equal(
        camera.window[0][:20], staged[0].pixels[:20, :, ::-1]
    )


def test_a_camera_that_cannot_be_opened_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", Camera([], opens=False))
    with pytest.raises(ClipError, match="camera 3: cannot be opened"):
        next(live.show(3, BLACK))
