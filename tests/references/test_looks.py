"""What a face looks like is told from its pixels; these labelled pictures were not trained on."""

import pytest
import torch

from deid.references import learning, looks
from deid.references.build import aligned, faces_of
from deid.references.sources import openpeople_portraits


@pytest.fixture(scope="module")
def told():
    """What is told of one person's pictures, by label."""
    found = {}
    for portrait in openpeople_portraits(("P002",)):
        label = portrait.name.split("-")[1]
        if label in ("neutral", "happy", "determined", "surprised", "pensive", "playful"):
            crop, landmarks, _ = aligned(portrait.pixels, faces_of(portrait.pixels)[0])
            found[label] = looks.reason(crop, landmarks)
    return found


def test_ordinary_faces_pass(told):
    assert told["neutral"] == told["happy"] == told["determined"] == ""


def test_tongues_shouts_and_closed_eyes_do_not(told):
    assert told["surprised"] == told["playful"] == "open mouth" and told["pensive"] == "closed eyes"


def test_a_mirrored_face_is_told_the_same(small):
    crop, landmarks = small.crop(0, 256), small.landmarks[0]
    mirrored = looks.mirror(crop, landmarks)
    one, other = looks.features(crop, landmarks), looks.features(*mirrored)
    assert one.shape == (2, looks.WIDTH)
    assert torch.allclose(one.mean(0), other.mean(0), atol=1e-3)
    assert looks.reason(crop, landmarks) == looks.reason(*mirrored) == ""


def test_labels_name_portraits_once_for_each_reason():
    found = looks.labels()
    assert set(found) == set(learning.RECALL)
    assert len(set().union(*found.values())) > 250
