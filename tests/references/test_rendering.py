"""One reference in one frame: at the landmarks, only where its own skin is, in the light of the guess."""

import pytest
import torch

from deid.photo import detection, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import people, rendering
from deid.references.library import Library

SIZE = 256


@pytest.fixture
def library(library_path):
    return Library.open(library_path)


@pytest.fixture
def points():
    return DCGAN_FRAME.resized(SIZE).points()


@pytest.mark.parametrize("mirrored", [False, True])
def test_its_landmarks_come_to_the_place(library, points, mirrored):
    """A detector finds the fitted face's eyes and mouth where they are to be."""
    visible = masks.frame_mask("face", points, SIZE)
    target = points + torch.tensor([[-4.0, 3], [2, -4], [3, 4], [-4, 4], [3, -2]])
    fitted = rendering.fit(library, people.name_of(library.references[0], mirrored), target, visible)
    (found,) = detection.detect(fitted.picture)
    assert (found[0].points() - target).norm(dim=1).mean() < 6


def test_it_is_shown_inside_the_outline_only(library, points):
    outline = 1 - masks.frame_mask("face", points, SIZE)
    fitted = rendering.fit(library, people.name_of(library.references[0], False), points, 1 - outline)
    assert not (fitted.weight * (1 - outline)).any()
    assert (fitted.weight * outline).sum() > 0.6 * outline.sum()


def test_what_is_visible_gives_the_light(library, points):
    """The hidden pixels of a frame are anything."""
    name = people.name_of(library.references[0], False)
    visible = masks.frame_mask("face", points, SIZE)
    inner = rendering.fit(library, name, points, visible).weight[0, 0] > 0.5
    frames = [torch.where(visible > 0.5, tone, 1.0).expand(1, 3, -1, -1) for tone in (-0.7, 0.3)]
    shown = [rendering.render(library, name, frame, visible, points) for frame in frames]
    assert shown[1][..., inner].mean() - shown[0][..., inner].mean() > 0.15
    other = rendering.render(library, name, frames[0] * visible, visible, points)
    assert torch.equal(other, shown[0])
    assert torch.equal(shown[0] * visible, frames[0] * visible)


def test_the_first_way_needs_a_guess(library, points):
    name = people.name_of(library.references[0], False)
    visible = masks.frame_mask("face", points, SIZE)
    fitted = rendering.fit(library, name, points, visible)
    inner = fitted.weight[0, 0] > 0.5
    guesses = [torch.full((1, 3, SIZE, SIZE), tone) for tone in (-0.5, 0.2)]
    shown = [rendering.pasted(fitted, guess, visible) for guess in guesses]
    assert shown[1][..., inner].mean() - shown[0][..., inner].mean() > 0.5
    beside = (fitted.weight + visible)[0, 0] < 0.5
    assert (shown[0][..., beside] + 0.5).abs().median() < 0.05
