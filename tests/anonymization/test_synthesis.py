"""Drawing what is hidden: from visible pixels, positions and seeds, and only what is still missing."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from deid.anonymization import pipeline, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.photo import masks


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


def test_candidates_are_other_people_in_the_same_hole(draft, quick):
    found = list(synthesis.candidates(draft, 0, [1, 2, 1], quick["onepass"]))
    targets, outcomes, shown, _ = zip(*found, strict=True)
    assert [target.seed for target in targets] == [1, 2, 1]
    assert all(torch.equal(target.place, draft.targets[0].place) for target in targets)
    assert torch.allclose(outcomes[0].fill, outcomes[2].fill, atol=1e-4)
    assert (outcomes[0].fill - outcomes[1].fill).abs().max() > 0.05
    assert all(frame.shape == (1, 3, 128, 128) for frame in shown)


def test_candidates_for_a_large_face_are_looked_at_in_small_frames(sample, sample_faces, library_path):
    """Who is chosen is drawn in the face's own frame, and looks the same."""
    factor = 5.0
    pixels = F.interpolate(sample.pixels, scale_factor=factor, mode="bicubic").clamp(-1, 1)
    options = Options("reference", weights=str(library_path), verify=False)
    targets = pipeline.plan_targets([sample_faces[0].scaled(factor)], options)
    draft = Draft.of(pixels, targets)
    large = targets[0].frame.size
    assert large > synthesis.LOOKED_AT
    first, other, *_ = synthesis.candidates(draft, 0, [1, 2], options)
    assert first.target.reference != other.target.reference
    assert first.target.frame.size == large and first.outcome.fill is None
    assert first.shown.shape == (1, 3, synthesis.LOOKED_AT, synthesis.LOOKED_AT)
    drawn, _ = finish(synthesis.draw(draft.at(0, first.target, first.outcome), options))
    assert drawn.targets[0].reference == first.target.reference
    fill = drawn.outcomes[0].fill
    assert fill.shape[3] == large
    smaller = F.interpolate(fill, first.shown.shape[2:], mode="area")
    assert (smaller - first.shown).abs().mean() < 0.06
    inside = 1 - masks.frame_mask("face-80", first.landmarks, synthesis.LOOKED_AT)
    assert ((other.shown - first.shown).abs() * inside).sum() / inside.sum() > 0.1, "another person"
