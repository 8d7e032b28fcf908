"""The attacker who learns to undo a method: it learns what is there to learn."""

import pytest
import torch
import torch.nn.functional as F

from deid import protocol, recognisers, reverser
from deid.anonymizer import Options


def test_it_starts_from_changing_nothing():
    batch = torch.rand(2, 3, 64, 64) * 2 - 1
    assert torch.equal(reverser.Reverser()(batch), batch)


def test_it_learns_to_undo_a_weak_blur(crops):
    before = crops.batch(range(6))
    blurred = F.avg_pool2d(before, 5, 1, 2)
    torch.manual_seed(0)
    network = reverser.Reverser()
    *_, last = reverser.train(network, blurred, before, images=640)
    restored = reverser.restore(network, blurred)
    assert F.l1_loss(restored, before) < 0.85 * F.l1_loss(blurred, before)
    assert last.images == 640 and restored.abs().max() <= 1


def test_pairs_are_the_same_face_before_and_after(crops):
    after, before = reverser.pairs(crops, Options(method="blackout", verify=False), [0, 3])
    assert after.shape == before.shape == (2, 3, 64, 64)
    middle = slice(24, 44)
    assert (after[:, :, middle, middle] < -0.9).all() and (before[:, :, middle, middle] > -0.9).any()
    assert (after[:, :, :3] - before[:, :, :3]).abs().max() == 0, "what is not hidden stays"


def test_crops_are_embedded_as_the_faces_they_are(crops):
    pytest.importorskip("dlib")
    vectors = recognisers.embed_crops("dlib", crops.batch(range(4)), crops.landmarks[:4].double())
    alike = vectors @ vectors.T
    assert min(alike[0, 2], alike[1, 3]) > max(alike[0, 1], alike[2, 3]), "the sample photo's two people, in turn"


def test_the_protocol_stops_at_what_cannot_be():
    good = {"fixed": {"rank-1": [0.97, 0.95, 0.99], "area under curve": 0.99}}
    weak = {"fixed": {"rank-1": [0.5, 0.4, 0.6], "area under curve": 0.9}, "adaptive": {"rank-1": [0.2, 0.1, 0.3]}}
    protocol.check({"original": good}, 100)
    with pytest.raises(protocol.privacy.GateError, match="it cannot be"):
        protocol.check({"original": good, "a method": weak}, 100)
