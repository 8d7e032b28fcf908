"""What is known of a hidden face comes from what is visible, and says how well it fits there."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from deid.inpainting.guessing import Guesser


@pytest.fixture(scope="module")
def guesser():
    return Guesser()


def test_it_shows_what_is_visible_and_never_what_is_hidden(guesser, large_masked, crops):
    whole = crops.at(256).batch([0, 1])
    noise = torch.where(large_masked.visible > 0.5, whole, torch.rand_like(whole) * 2 - 1)
    first, other = (guesser.guess(replace(large_masked, crops=pixels)) for pixels in (whole, noise))
    frames = first.frames(large_masked)
    assert torch.equal(frames * large_masked.visible, whole * large_masked.visible)
    assert torch.equal(first.pictures, other.pictures)
    for one, two in zip(first.sketches, other.sketches, strict=True):
        assert torch.equal(one.kind, two.kind) and torch.equal(one.picture, two.picture)


def test_a_sketch_says_where_the_face_is_and_who_might_fit(guesser, large_masked):
    guess = guesser.guess(large_masked)
    for sketch, points in zip(guess.sketches, large_masked.landmarks, strict=True):
        assert sketch.kind.shape == (64,) and abs(sketch.kind.norm().item() - 1) < 1e-5
        assert torch.allclose(sketch.landmarks.double() * 256 - 0.5, points.double(), atol=1e-3)
        assert sketch.picture.shape == (1, 3, 64, 64)
    assert not torch.allclose(guess.sketches[0].kind, guess.sketches[1].kind, atol=0.05)


def test_landmarks_are_needed(guesser, large_masked):
    with pytest.raises(ValueError, match="needs the landmarks"):
        guesser.guess(replace(large_masked, landmarks=None))


def test_a_guess_that_misses_what_is_visible_costs(guesser, large_masked):
    """Whoever draws with it can give a face up: noise in large blots around a hole fits no face."""
    blots = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)).round() * 2 - 1
    strange = F.interpolate(blots, (256, 256))
    losses = [
        guesser.guess(replace(large_masked, crops=crops)).contextual
        for crops in (large_masked.crops, strange)
    ]
    assert losses[0].max() < 0.15 and losses[1].min() > 2 * losses[0].max()


def test_a_dark_photo_gets_a_dark_guess(guesser, large_masked):
    """At a fiftieth of the light the generator by itself draws a face that glows."""
    gain = 0.02 ** (1 / 2.2)
    dark = replace(large_masked, crops=(large_masked.crops + 1) * gain - 1)
    bright, found = (guesser.guess(faces).frames(faces) for faces in (large_masked, dark))
    hidden = (1 - large_masked.visible).expand_as(found) > 0.5
    assert (found[hidden] + 1).mean() < 1.5 * gain * (bright[hidden] + 1).mean()


def test_the_same_view_is_guessed_once(large_masked, monkeypatch):
    views = torch.tensor([0, 1, 0, 0])
    parts = {name: getattr(large_masked, name)[views] for name in ("crops", "visible", "landmarks")}
    several = replace(large_masked, seeds=[1, 2, 3, 4], **parts)
    guesser, asked = Guesser(), []
    own = guesser._guess
    monkeypatch.setattr(guesser, "_guess", lambda crops, *rest: asked.append(len(crops)) or own(crops, *rest))
    guess = guesser.guess(several)
    assert asked == [2]
    assert torch.equal(guess.pictures[2], guess.pictures[0]) and torch.equal(
        guess.contextual[3], guess.contextual[0]
    )
    assert not torch.equal(guess.pictures[1], guess.pictures[0])
    again = guesser.guess(replace(several, spans=[9.0, 9.0, 9.0, 7.0]))
    assert asked == [2], "the check asks for one person after the other"
    assert torch.equal(again.pictures, guess.pictures)
    assert [sketch.span for sketch in again.sketches] == [9.0, 9.0, 9.0, 7.0]
    guesser.guess(large_masked)
    guesser.guess(replace(large_masked, visible=large_masked.visible.flip(3)))
    assert asked == [2, 2], "the two views are the same, turned holes are not"
