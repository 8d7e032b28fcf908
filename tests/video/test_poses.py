"""Faces as numbers, and back; landmarks that collapse are not believed."""

import dataclasses

import numpy as np
import pytest
import torch

from deid.photo.faces import from_landmarks
from deid.video import poses


def face(turn=0.0, unit=30.0, x=100.0, y=80.0):
    """A mean face, turned by so many degrees."""
    places = poses.MEAN * unit * np.exp(1j * np.radians(turn)) + (x + 1j * y)
    return from_landmarks(torch.tensor(np.stack([places.real, places.imag], 1)))


def test_faces_come_back_from_their_numbers():
    faces = [face(5 * k, 30 + k, 100 + 2 * k) for k in range(6)]
    back = poses.points(poses.measured(faces)[0])
    assert back[:, :5] == pytest.approx(np.array([one.landmarks for one in faces]), abs=1e-6)
    assert back[:, 5:].reshape(-1, 4) == pytest.approx(np.array([one.box for one in faces]), abs=1e-6)


def test_a_turn_goes_on_past_half_a_circle():
    turns = np.degrees(poses.measured([face(15 * k) for k in range(20)])[0][:, 3])
    assert np.diff(turns) == pytest.approx([15] * 19)


def test_a_collapsed_face_is_given_the_shape_of_its_neighbours():
    faces = [face(3 * k, x=100 + k) for k in range(9)]
    middle = np.array(faces[4].landmarks).mean(0)
    collapsed = middle + 0.3 * (np.array(faces[4].landmarks)[::-1] - middle)
    broken = dataclasses.replace(faces[4], landmarks=tuple(map(tuple, collapsed)))
    rows, doubted = poses.measured([*faces[:4], broken, *faces[5:]])
    assert np.flatnonzero(doubted).tolist() == [4]
    assert np.abs(poses.points(rows)[4, :5] - faces[4].landmarks).max() < 3


def test_a_few_faces_do():
    for count in (1, 2, 3):
        assert np.isfinite(poses.points(poses.measured([face()] * count)[0])).all()
