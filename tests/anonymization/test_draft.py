"""A draft: holes, targets and outcomes by position, and what happens to fills when holes change."""

import dataclasses

import pytest
import torch

from deid.anonymization import compositing, pipeline, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome
from deid.photo.shapes import Placing


def finish(drawing):
    """Exhaust a drawing -> its draft and what it told on the way."""
    told = []
    while True:
        try:
            told.append(next(drawing))
        except StopIteration as done:
            return done.value, told


@pytest.fixture
def draft(sample, sample_faces, quick):
    """The sample photo with two holes."""
    return Draft.of(sample.pixels, pipeline.plan_targets(sample_faces, quick["onepass"]))


def test_a_larger_hole_loses_the_fills_that_it_touches_only(draft, sample, quick):
    drawn, _ = finish(synthesis.draw(draft, quick["onepass"]))
    larger = dataclasses.replace(drawn.targets[0], mask="face-120")
    changed = drawn.at(0, larger, drawn.outcomes[0]).hidden_again(sample.pixels)
    assert changed.outcomes[0].fill is None and changed.outcomes[1].fill is not None
    assert changed.scene.hidden.sum() > drawn.scene.hidden.sum()
    assert torch.equal(drawn.scene.hidden, draft.scene.hidden), "a draft is not written to"


def test_a_new_draft_has_holes_and_nothing_drawn(draft, sample):
    assert torch.equal(draft.scene.hidden, compositing.hide(sample.pixels, draft.targets).hidden)
    assert all(outcome.fill is None and outcome.attempts == 0 for outcome in draft.outcomes)
    assert torch.equal(draft.preview(), draft.scene.pixels) and torch.equal(
        draft.finished(), draft.scene.pixels
    )


def test_another_target_at_one_position_leaves_the_others(draft):
    black = draft.targets[1].blacked_out("a test")
    changed = draft.at(1, black, draft.outcomes[1])
    assert changed.targets == [draft.targets[0], black] and draft.targets[1] is not black
    assert (changed.finished() == -1).any() and not (draft.finished() == -1).all()


@pytest.fixture
def drawn_draft(draft, quick):
    """The same with two faces."""
    return finish(synthesis.draw(draft, quick["onepass"]))[0]


def from_scratch(draft):
    return compositing.blend(draft.scene, draft.targets, [outcome.fill for outcome in draft.outcomes])


def test_only_a_face_that_changed_is_finished_again(drawn_draft):
    patched = drawn_draft.patched()
    assert all(old is new for old, new in zip(patched.patches, patched.patched().patches, strict=True))
    outcome = dataclasses.replace(patched.outcomes[0], fill=-patched.outcomes[0].fill)
    changed = patched.at(0, patched.targets[0], outcome).patched()
    assert changed.patches[0] is not patched.patches[0] and changed.patches[1] is patched.patches[1]
    assert changed.changed_since(patched) == {0} and patched.changed_since(patched) == set()
    assert torch.equal(changed.finished(), from_scratch(changed))


def test_a_finished_photo_is_not_made_again_until_a_face_changes(drawn_draft):
    assembled = drawn_draft.patched().assembled()
    assert assembled.finished() is assembled.finished()
    assert torch.equal(assembled.finished(), from_scratch(drawn_draft))
    black = assembled.at(0, assembled.targets[0].blacked_out("a test"), assembled.outcomes[0])
    assert not torch.equal(black.finished(), assembled.finished())
    assert torch.equal(black.finished(), from_scratch(black))


def test_another_outcome_with_the_same_face_is_the_same_patch(drawn_draft):
    patched = drawn_draft.patched()
    noted = dataclasses.replace(patched.outcomes[0], verdict="recognised")
    assert patched.at(0, patched.targets[0], noted).patches[0] is patched.patches[0]
    black = patched.at(0, patched.targets[0].blacked_out("a test"), noted)
    assert torch.equal(black.finished(), from_scratch(black)), "black, although it still has a fill"


def test_holes_that_stay_leave_the_draft_as_it_is(drawn_draft, sample):
    reseeded = drawn_draft.at(0, drawn_draft.targets[0].reseeded(9, Placing()), drawn_draft.outcomes[0])
    assert reseeded.hidden_again(sample.pixels) is reseeded


def test_a_larger_hole_beside_a_face_makes_its_patch_anew(sample, sample_faces, quick):
    """Two faces that overlap: what is known around the second one changes with the first one's hole."""
    near = sample_faces[0]
    pair = [near, near.moved(0.9 * (near.box[2] - near.box[0]), 0)]
    draft = Draft.of(sample.pixels, pipeline.plan_targets(pair, quick["onepass"]))
    size = draft.targets[0].frame.size
    for index in (0, 1):
        fill = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(index)) - 0.5
        draft = draft.at(index, draft.targets[index], dataclasses.replace(draft.outcomes[index], fill=fill))
    draft = draft.patched()
    larger = dataclasses.replace(draft.targets[0], mask="face-140")
    changed = draft.at(0, larger, draft.outcomes[0]).hidden_again(sample.pixels)
    assert changed.outcomes[1].fill is None and changed.patches[1] is None
    changed = changed.at(1, changed.targets[1], draft.outcomes[1])
    assert torch.equal(changed.finished(), from_scratch(changed))


def test_a_face_that_turns_black_is_as_if_it_had_been_from_the_start(sample, sample_faces, own_library):
    """Arms of glasses go beside a face that is drawn, and not beside a black one."""
    targets = pipeline.plan_targets(sample_faces, Options(method="reference"))
    draft = Draft.of(sample.pixels, targets)
    worn = max(range(2), key=lambda index: targets[index].face.box[0])
    black = draft.at(worn, targets[worn].blacked_out("no face fits"), Outcome()).hidden_again(sample.pixels)
    assert torch.equal(black.scene.hidden, draft.scene.hidden)
    assert not torch.equal(black.scene.pixels, draft.scene.pixels)
    assert torch.equal(black.scene.pixels, compositing.hide(sample.pixels, black.targets).pixels)
