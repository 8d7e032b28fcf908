"""The recognisers on the two people of the sample photo."""

import pytest
import torch

from deid.recognition import recognisers


def test_dlib_tells_two_people_apart(sample, sample_faces):
    """The real network on the two people of the sample photo, each also brightened and a pixel aside."""
    pytest.importorskip("dlib")
    recogniser = recognisers.load("dlib")
    first = recogniser.embed(sample.pixels, sample_faces)
    again = recogniser.embed(
        (sample.pixels * 0.9).roll((1, 1), (2, 3)), [face.moved(1, 1) for face in sample_faces]
    )
    assert first.shape == (2, 128) and torch.allclose(first.norm(dim=1), torch.ones(2))
    similarity = first @ again.T
    assert similarity.diagonal().min() > 0.97 > similarity[0, 1] + 0.05
    assert recogniser.embed(sample.pixels, []).shape == (0, 128)


def test_an_unknown_recogniser_is_refused():
    with pytest.raises(
        recognisers.RecogniserError, match=r"one of openface, dlib, openface\+dlib, mobilefacenet, facenet"
    ):
        recognisers.load("magic")


@pytest.mark.parametrize("name", ["openface", "dlib"])
def test_recognisers_that_ship_work_offline(name, sample, sample_faces):
    if name == "dlib":
        pytest.importorskip("dlib")
    embed, mirrored = recognisers.load(name).embed, [face.mirrored(sample.size[0]) for face in sample_faces]
    alike = embed(sample.pixels, sample_faces) @ embed(sample.pixels.flip(3), mirrored).T
    assert alike.diagonal().min() > alike[0, 1] + 0.05, "a mirrored face is still the same person"


def test_two_recognisers_together_weigh_both_similarities(sample, sample_faces):
    pytest.importorskip("dlib")
    alone = [recognisers.load(name).embed(sample.pixels, sample_faces) for name in ("openface", "dlib")]
    both = recognisers.load("openface+dlib").embed(sample.pixels, sample_faces)
    first, second = (vectors @ vectors.T for vectors in alone)
    weight = recognisers.DLIB_WEIGHT
    assert torch.allclose(both @ both.T, (first + weight * second) / (1 + weight), atol=1e-5)
    assert recognisers.load("openface+dlib").embed(sample.pixels, []).shape == (0, 256)


def test_a_photo_without_faces_has_no_vectors(sample):
    assert recognisers.load("openface").embed(sample.pixels, []).shape == (0, 128)


def test_a_recogniser_is_loaded_once():
    assert recognisers.load("openface") is recognisers.load("openface")
    assert set(recognisers.JUDGES) < set(recognisers.NAMES), "the one that ships does not judge itself"


def test_a_recogniser_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(recognisers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(recognisers.RecogniserError, match="pip install dlib-bin face-recognition-models"):
        recognisers.dlib_models()


def test_dlibs_square_surrounds_the_landmarks(sample_faces):
    for face in sample_faces:
        left, top, right, bottom = recognisers.dlib_square(face)
        assert abs((right - left) - (bottom - top)) <= 1
        assert all(left < x < right and top < y < bottom for x, y in face.landmarks)


def test_crops_are_embedded_as_the_faces_they_are(crops):
    pytest.importorskip("dlib")
    vectors = recognisers.embed_crops("dlib", crops.batch(range(4)), crops.landmarks[:4].double())
    alike = vectors @ vectors.T
    assert min(alike[0, 2], alike[1, 3]) > max(alike[0, 1], alike[2, 3]), (
        "the sample photo's two people, in turn"
    )
