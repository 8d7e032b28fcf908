"""Several people for one face: others in the same hole, in small frames, and no more than are asked for."""

import pytest
import torch
import torch.nn.functional as F

from deid.anonymization import candidates, pipeline, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.photo import masks


def finish(drawing):
    """Exhaust a drawing -> its draft."""
    while True:
        try:
            next(drawing)
        except StopIteration as done:
            return done.value


@pytest.fixture
def draft(sample, sample_faces, quick):
    """The sample photo with two holes."""
    return Draft.of(sample.pixels, pipeline.plan_targets(sample_faces, quick["onepass"]))


def test_candidates_are_other_people_in_the_same_hole(draft, quick):
    found = list(candidates.drawn_for(draft, 0, [1, 2, 1], quick["onepass"]))
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
    assert large > candidates.LOOKED_AT
    first, other, *_ = candidates.drawn_for(draft, 0, [1, 2], options)
    assert first.target.reference != other.target.reference
    assert first.target.frame.size == large and first.outcome.fill is None
    assert first.shown.shape == (1, 3, candidates.LOOKED_AT, candidates.LOOKED_AT)
    drawn = finish(synthesis.draw(draft.at(0, first.target, first.outcome), options))
    assert drawn.targets[0].reference == first.target.reference
    fill = drawn.outcomes[0].fill
    assert fill.shape[3] == large
    smaller = F.interpolate(fill, first.shown.shape[2:], mode="area")
    assert (smaller - first.shown).abs().mean() < 0.06
    inside = 1 - masks.frame_mask("face-80", first.landmarks, candidates.LOOKED_AT)
    assert ((other.shown - first.shown).abs() * inside).sum() / inside.sum() > 0.1, "another person"


def test_references_are_drawn_as_they_are_asked_for(sample, sample_faces, library_path, monkeypatch):
    """One after the other they are whom they would be all at once: not one twice while others are left."""
    options = Options("reference", weights=str(library_path), verify=False)
    method, asked = options.load_method(), []
    draft = Draft.of(sample.pixels, pipeline.plan_targets(sample_faces, options))
    draw = type(method).draw
    monkeypatch.setattr(
        type(method), "draw", lambda self, faces, search=None: asked.append(len(faces)) or draw(self, faces)
    )
    few = candidates.drawn_for(draft, 0, [1, 2, 3], options)
    shown = [next(few).target.reference, next(few).target.reference]
    assert asked == [1, 1]
    monkeypatch.setattr(type(method), "one_by_one", False)
    together = [one.target.reference for one in candidates.drawn_for(draft, 0, [1, 2, 3], options)]
    assert asked == [1, 1, 3] and together[:2] == shown and len(set(together)) == 3
