"""The attacker who learns to undo a method: it learns what is there to learn."""

import pytest
import torch
import torch.nn.functional as F

from deid.anonymization.options import Options
from deid.evaluation import reconstruction
from deid.evaluation.reconstruction import Lesson


def test_it_starts_from_changing_nothing():
    batch = torch.rand(2, 3, 64, 64) * 2 - 1
    assert torch.equal(reconstruction.Reverser()(batch), batch)


@pytest.mark.slow
def test_it_learns_to_undo_a_weak_blur(crops):
    """A network of two levels: the four of an attacker need five times as long for the same."""
    before = crops.batch(range(6))
    blurred = F.avg_pool2d(before, 5, 1, 2)
    torch.manual_seed(0)
    network = reconstruction.Reverser((16, 32))
    *_, last = reconstruction.train_reverser(network, blurred, before, images=448)
    restored = reconstruction.restore(network, blurred)
    assert F.l1_loss(restored, before) < 0.9 * F.l1_loss(blurred, before)
    assert last.images == 448 and restored.abs().max() <= 1


def test_pairs_are_the_same_face_before_and_after(crops):
    after, before = reconstruction.training_pairs(crops, Options(method="blackout", verify=False), [0, 3])
    assert after.shape == before.shape == (2, 3, 64, 64)
    middle = slice(24, 44)
    assert (after[:, :, middle, middle] < -0.9).all() and (before[:, :, middle, middle] > -0.9).any()
    assert (after[:, :, :3] - before[:, :, :3]).abs().max() == 0, "what is not hidden stays"


def test_a_lesson_chooses_strangers_by_its_seed():
    order = Lesson(pairs=4, seen=64).order(100)
    assert len(set(order)) == 4 and order == Lesson(pairs=4, seen=64).order(100)
    assert order != Lesson(pairs=4, seen=64, seed=1).order(100)
    assert sorted(Lesson(pairs=9, seen=64).order(3)) == [0, 1, 2], "no more than there are"
