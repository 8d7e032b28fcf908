"""The attacker who learns to undo a method, on the two people of the sample photo."""

import pytest
import torch

from deid.evaluation import cohort, protocol, reversing
from deid.evaluation.reconstruction import Lesson


@pytest.mark.slow
def test_what_a_reverser_learned_is_stored_and_belongs_to_its_settings(
    two_people, crops, tmp_path, monkeypatch
):
    pytest.importorskip("dlib")
    study, lesson = protocol.Study(cohort.people(two_people, 2), tmp_path), Lesson(pairs=6, seen=16)
    found, restored = reversing.reverse(study, "blur strength=0.05", crops, lesson)
    assert restored.shape == (2, 3, 64, 64) and found["pairs"] == 6 and {"as it is", "restored"} < set(found)
    train = reversing.reconstruction.train_reverser
    monkeypatch.setattr(reversing.reconstruction, "train_reverser", lambda *_: pytest.fail("learned twice"))
    again, same = reversing.reverse(study, "blur strength=0.05", crops, lesson)
    assert again == found and torch.equal(same, restored)
    monkeypatch.setattr(reversing.reconstruction, "train_reverser", train)
    assert reversing.reverse(study, "blackout", crops, lesson)[0] != found, "another case, another network"
    assert len(list(tmp_path.glob("reverser-*"))) == 2
    reversing.reverse(study, "blackout", crops.at(96), lesson)
    assert len(list(tmp_path.glob("reverser-*"))) == 3, "other strangers, too"


def test_originals_cannot_be_undone(two_people, crops, tmp_path):
    pytest.importorskip("dlib")
    study = protocol.Study(cohort.people(two_people, 2), tmp_path)
    with pytest.raises(ValueError, match="nothing to undo"):
        reversing.reverse(study, "original", crops, Lesson(pairs=2, seen=32))
