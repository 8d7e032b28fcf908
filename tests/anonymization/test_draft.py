"""A draft: holes, targets and outcomes by position, and what happens to fills when holes change."""

import dataclasses

import pytest
import torch

from deid.anonymization import compositing, pipeline, synthesis
from deid.anonymization.draft import Draft


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
