"""Drawing what is hidden: from visible pixels, positions and seeds, and only what is still missing."""

import dataclasses

import pytest

from deid.anonymization import pipeline, synthesis
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


def test_only_faces_without_a_fill_are_drawn(draft, quick):
    whole, _ = finish(synthesis.draw(draft, quick["onepass"]))
    assert all(outcome.fill is not None for outcome in whole.outcomes)
    half = whole.at(0, whole.targets[0], dataclasses.replace(whole.outcomes[0], fill=None))
    again, _ = finish(synthesis.draw(half, quick["onepass"]))
    assert again.outcomes[1] is whole.outcomes[1], "left as it was"
    assert (again.outcomes[0].fill - whole.outcomes[0].fill).abs().max() < 0.01, (
        "alone it is drawn as in a batch"
    )
    assert again.outcomes[0].seconds > whole.outcomes[0].seconds, "its time is added up"


def test_a_face_without_surroundings_is_given_up(sample, sample_faces, quick):
    """A frame full of other faces' holes leaves nothing to draw from."""
    face = sample_faces[0]
    steps = [
        (x * face.size * 0.45, y * face.size * 0.45) for x in (-2, -1, 0, 1, 2) for y in (-2, -1, 0, 1, 2)
    ]
    targets = pipeline.plan_targets([face.moved(x, y) for x, y in steps], quick["onepass"])
    drawn, _ = finish(synthesis.draw(Draft.of(sample.pixels, targets), quick["onepass"]))
    reasons = [target.reason for target in drawn.targets if target.black]
    assert reasons and set(reasons) == {"almost nothing around the face is visible"}
    assert all(
        outcome.fill is None for t, outcome in zip(drawn.targets, drawn.outcomes, strict=True) if t.black
    )


def test_searches_show_iterations_and_one_pass_shows_faces(sample, sample_faces, draft, quick):
    _, told = finish(synthesis.draw(draft, quick["onepass"], preview_every=1))
    assert [step.done for step in told if step.preview is not None] == [1, 2]
    searched = Draft.of(sample.pixels, pipeline.plan_targets(sample_faces, quick["dcgan"]))
    _, told = finish(synthesis.draw(searched, quick["dcgan"], preview_every=1))
    assert [step.done for step in told] == pytest.approx([0, 2 / 3, 4 / 3, 2]) and all(
        step.preview is not None for step in told
    )
