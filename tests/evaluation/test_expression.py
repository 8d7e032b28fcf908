"""Head pose and expression, of the two faces of the sample photo."""

import pytest
import torch

from deid.evaluation import expression

pytest.importorskip("dlib")


def test_expression_of_the_sample_faces(sample, sample_faces):
    """Mirrored, a face looks the other way and does the same; turned in the photo, it rolls."""
    for face in sample_faces:
        straight = expression.expression(sample.pixels, face)
        mirrored = expression.expression(sample.pixels.flip(3), face.mirrored(sample.size[0]))
        roll, yaw, pitch, mouth, eyes = (straight - mirrored * torch.tensor([-1, -1, 1, 1, 1])).abs().tolist()
        assert roll < 0.08 and yaw < 0.1 and pitch < 0.08 and mouth < 0.15 and eyes < 0.1
        assert 0.1 < straight[4] < 0.6
