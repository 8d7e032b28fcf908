"""A face as numbers that can be averaged: where it is, how large, how it is turned, and its shape.

Landmarks that their neighbours in time contradict are not believed: where a detector is at its limit, they
collapse.
"""

from collections.abc import Sequence

import numpy as np

from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face

NEIGHBOURS = 3  # sightings to both sides
TURNED = 0.35  # radians, and
BENT = 0.25  # eye distances that landmarks may differ from those of their neighbours by
SHRUNK = 0.9  # how much smaller landmarks may be than those of their neighbours, beside the box
# The mean face around its middle, in eye distances, as complex numbers.
MEAN = np.array(DCGAN_FRAME.template) @ np.array([1, 1j]) / 0.28
MEAN = MEAN - MEAN.mean()


def measured(faces: Sequence[Face]) -> tuple[np.ndarray, np.ndarray]:
    """Faces of one person in order, as rows (K, 18): centre, logarithm of the eye distance, turn in radians,
    what is left of five landmarks (10), and two corners of the box (4), in eye distances around the centre.

    Also which of them were not believed, (K,).
    """
    landmarks = np.array([face.landmarks for face in faces], float) @ np.array([1, 1j])
    boxes = np.array([face.box for face in faces], float).reshape(-1, 2, 2)
    sizes = np.array([face.size for face in faces])
    centre = landmarks.mean(1)
    # The least-squares similarity of planes is one complex number (Umeyama, 1991).
    fit = (landmarks - centre[:, None]) @ MEAN.conj() / (np.abs(MEAN) ** 2).sum()
    fit = np.where(np.abs(fit) > 1e-3, fit, 1e-3)
    shape = (landmarks - centre[:, None]) / fit[:, None] - MEAN
    share = np.abs(fit) / sizes
    turn = _unwrapped(np.angle(fit))
    usual, bent = _usual(turn), _usual(shape.real) + 1j * _usual(shape.imag)
    wrong = (np.abs(turn - usual) > TURNED) | (np.abs(shape - bent).max(1) > BENT)
    turn, shape = np.where(wrong, usual, turn), np.where(wrong[:, None], bent, shape)
    middle = np.stack([centre.real, centre.imag], 1)
    middle = np.where(wrong[:, None], _from_boxes(middle, boxes, sizes), middle)
    unit = np.where(wrong, _usual(share), np.maximum(share, SHRUNK * _usual(share))) * sizes
    corners = (boxes - middle[:, None]) / unit[:, None, None]
    parts = [middle, np.log(unit)[:, None], turn[:, None], shape.real, shape.imag, corners.reshape(-1, 4)]
    return np.concatenate(parts, 1), wrong | (share < SHRUNK * _usual(share))


def points(rows: np.ndarray) -> np.ndarray:
    """Rows (T, 18) of ``measured`` as pixels (T, 7, 2): five landmarks and two corners of the box."""
    centre, unit, turn = rows[:, None, :2], np.exp(rows[:, 2]), rows[:, 3]
    shape = (unit * np.exp(1j * turn))[:, None] * (MEAN + rows[:, 4:9] + 1j * rows[:, 9:14])
    landmarks = np.stack([shape.real, shape.imag], 2)
    corners = unit[:, None, None] * rows[:, 14:].reshape(-1, 2, 2)
    return centre + np.concatenate([landmarks, corners], 1)


def _unwrapped(turns: np.ndarray) -> np.ndarray:
    """Angles (K,) without jumps of a whole turn; one that is half a turn off moves those after it nowhere."""
    unwrapped, last = turns.copy(), turns[0]
    for k, turn in enumerate(turns):
        unwrapped[k] = turn + 2 * np.pi * np.round((last - turn) / (2 * np.pi))
        if abs(unwrapped[k] - last) < np.pi / 2:
            last = unwrapped[k]
    return unwrapped


def _usual(values: np.ndarray) -> np.ndarray:
    """What neighbours in time say of each value (K, ...): they lie around a line, at the ends as well.

    Medians of their steps, and of what is left of them (as Theil, 1950, and Sen, 1968).
    """
    usual = np.empty_like(values)
    for k in range(len(values)):
        near = np.arange(max(0, k - NEIGHBOURS), min(len(values), k + NEIGHBOURS + 1))
        step = np.median(np.diff(values[near], axis=0), 0) if len(near) > 1 else 0.0
        away = (near - k).reshape(-1, *[1] * (values.ndim - 1))
        usual[k] = np.median(values[near] - away * step, 0)
    return usual


def _from_boxes(middle: np.ndarray, boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Where the landmarks' middle usually lies in the boxes, (K, 2)."""
    centres = boxes.mean(1)
    return centres + sizes[:, None] * _usual((middle - centres) / sizes[:, None])
