"""MobileFaceNet's network, without and with its weights, which do not ship."""

import pytest
import torch

from deid.photo import alignment
from deid.photo.faces import from_landmarks
from deid.recognition import fetching, mobilefacenet
from deid.recognition.mobilefacenet import MobileFaceNet
from deid.references import sources

# Landmarks of a synthetic portrait, and every eighth number of the unit vector of onnxruntime 1.32.
LANDMARKS = [(830, 852), (1209, 846), (1028, 1065), (881, 1253), (1187, 1247)]
REFERENCE = [
    -0.13254, -0.06889, -0.00765, -0.14527, -0.03200, -0.06802, -0.05044, 0.10261,
    0.07189, 0.03876, 0.09967, 0.01513, 0.01601, -0.10365, -0.04344, -0.00727,
]  # fmt: skip


def test_faces_become_unit_vectors_one_by_one():
    network = MobileFaceNet().eval()
    faces = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        vectors = network(faces)
        torch.testing.assert_close(network(faces[1:2]), vectors[1:2], rtol=0, atol=1e-5)
    assert vectors.shape == (3, 128) and torch.allclose(vectors.norm(dim=1), torch.ones(3))
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(1e6, rel=0.02)


def test_landmarks_land_where_arcface_has_them(sample, sample_faces):
    """In pixels whose centres are whole numbers, as in ArcFace's own alignment."""
    points = mobilefacenet.FRAME.points()
    assert points.tolist() == [pytest.approx(point) for point in mobilefacenet.ARCFACE]
    there = alignment.invert(mobilefacenet.FRAME.matrix(sample_faces[0]))
    assert (alignment.apply(there, sample_faces[0].points()) - points).norm(dim=1).max() < 8


@torch.no_grad()
def test_a_synthetic_face_becomes_what_onnxruntime_makes_of_it(mobilefacenet_onnx):
    portrait = next(iter(sources.openpeople_portraits(("P001",)))).pixels
    face = from_landmarks(torch.tensor(LANDMARKS, dtype=torch.float64))
    crop = alignment.crop(portrait, mobilefacenet.FRAME.matrix(face), mobilefacenet.SIDE)
    (vector,) = mobilefacenet.stacked(fetching.from_onnx(mobilefacenet_onnx)).eval()(crop)
    assert vector[::8].tolist() == pytest.approx(REFERENCE, abs=1e-4)
