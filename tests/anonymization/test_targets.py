"""What will be done about each face, before anything is drawn."""

import dataclasses

import pytest
import torch

from deid.anonymization import pipeline, targets
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome
from deid.photo import alignment
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.shapes import Placing


def test_each_network_gets_the_frame_it_knows(sample_faces, quick):
    style, dcgan = (pipeline.plan_targets(sample_faces, quick[name])[0] for name in ("stylegan2", "dcgan"))
    assert (style.frame.size, dcgan.frame.size) == (32, 64)
    assert style.frame.template == alignment.FFHQ_FRAME.template
    eyes = [
        (target.landmarks[1] - target.landmarks[0]).norm() / target.frame.size for target in (style, dcgan)
    ]
    assert eyes[0] == pytest.approx(0.25, abs=0.03) and eyes[1] == pytest.approx(0.28, abs=0.03)


def test_small_faces_come_first_and_each_has_a_seed_of_its_own(sample_faces):
    planned = targets.plan(sample_faces, Options())
    assert [target.face.size for target in planned] == sorted(face.size for face in sample_faces)
    again, other = targets.plan(sample_faces, Options()), targets.plan(sample_faces, Options(seed=1))
    assert [target.seed for target in planned] == [target.seed for target in again]
    assert {target.seed for target in planned}.isdisjoint(target.seed for target in other)


def test_only_methods_that_draw_give_small_faces_up(sample_faces):
    small = min(sample_faces, key=lambda face: face.size)
    for method, black in (("onepass", True), ("blur", False)):
        first, second = targets.plan(sample_faces, Options(method=method, min_size=small.size + 0.5))
        assert first.black == black and first.method == ("blackout" if black else "blur") and not second.black


def test_jitter_moves_what_is_drawn_and_not_the_hole(sample_faces):
    still, moved = (
        targets.place(sample_faces[0], Options(jitter=jitter), DCGAN_FRAME, 7) for jitter in (0.0, 0.1)
    )
    assert torch.equal(still.place, moved.place) and torch.equal(still.landmarks, moved.landmarks)
    assert torch.equal(still.matrix, still.place) and not torch.equal(moved.matrix, moved.place)
    assert 0 < (moved.pose - still.pose).norm(dim=1).mean() < 0.5 * (still.pose[1] - still.pose[0]).norm()


def test_another_seed_is_another_person_in_the_same_hole(sample_faces):
    first = targets.place(sample_faces[0], Options(jitter=0.1), DCGAN_FRAME, 7)
    other = first.reseeded(8, Placing(0.1))
    assert (
        other.seed == 8 and torch.equal(other.place, first.place) and not torch.equal(other.pose, first.pose)
    )
    assert torch.equal(first.reseeded(7, Placing(0.1)).matrix, first.matrix)
    planned = targets.place(sample_faces[0], Options(jitter=0.1), DCGAN_FRAME, 8)
    assert torch.equal(other.matrix, planned.matrix), "as if it had been planned that way"


def test_a_target_is_not_written_to(sample_faces):
    target = targets.place(sample_faces[0], Options(), DCGAN_FRAME, 7)
    given_up = target.blacked_out("a test")
    assert (given_up.method, given_up.reason, given_up.black) == ("blackout", "a test", True)
    assert (target.method, target.reason, target.black) == ("reference", "", False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        target.seed = 1


def test_an_outcome_says_what_the_check_found_only_if_there_was_one():
    assert Outcome().similarity == {}
    checked = Outcome(before=0.9, tries=(0.5, 0.2), verdict="not recognised")
    assert checked.similarity == {
        "before": 0.9,
        "tries": [0.5, 0.2],
        "after": 0.2,
        "verdict": "not recognised",
    }


def test_only_another_mask_or_place_is_another_hole(sample_faces, quick):
    target, other = pipeline.plan_targets(sample_faces, quick["onepass"])
    assert target.same_hole(target.reseeded(5, Placing(0.1))) and target.same_hole(
        target.blacked_out("a test")
    )
    assert not target.same_hole(dataclasses.replace(target, mask="face-120"))
    assert not target.same_hole(other)
