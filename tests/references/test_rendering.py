"""One reference in one frame: at the landmarks, only where its own skin is, in the light of the guess."""

import pytest
import torch

from deid.photo import detection, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import harmonizing, people, rendering
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
    target = points + torch.tensor([[-4.0, 3], [2, -4], [3, 4], [-4, 4], [3, -2]])
    fitted = rendering.fit(library, people.name_of(library.references[0], mirrored), target, SIZE)
    (found,) = detection.detect(fitted.picture)
    assert (found[0].points() - target).norm(dim=1).mean() < 6


def test_it_is_shown_inside_the_outline_only(library, points):
    fitted = rendering.fit(library, people.name_of(library.references[0], False), points, SIZE)
    outline = 1 - masks.frame_mask("face", points, SIZE)
    assert not (fitted.weight * (1 - outline)).any()
    assert (fitted.weight * outline).sum() > 0.6 * outline.sum()


def test_the_guess_gives_the_light(library, points):
    name = people.name_of(library.references[0], False)
    fitted = rendering.fit(library, name, points, SIZE)
    visible = masks.frame_mask("face", points, SIZE)
    shown = [
        rendering.render(library, name, torch.full((1, 3, SIZE, SIZE), tone), visible, points)
        for tone in (-0.5, 0.2)
    ]
    inner = fitted.weight[0, 0] > 0.5
    assert shown[1][..., inner].mean() - shown[0][..., inner].mean() > 0.5


def test_beside_the_reference_the_head_is_as_wide_as_the_guess_has_it(library, points):
    name = people.name_of(library.references[0], False)
    visible = masks.frame_mask("face", points, SIZE)
    beside = (rendering.fit(library, name, points, SIZE).weight + visible)[0, 0] < 0.5
    outside = masks.frame_mask("face-80", points, SIZE)  # of a narrow head
    assert (beside & (outside[0, 0] > 0.5)).sum() > 100
    skin, wall = torch.tensor([0.6, 0.2, 0.0])[:, None, None], torch.full((3, 1, 1), -0.3)
    for around, expected in ((visible, skin), (outside, wall)):
        guess = torch.where(around > 0.5, wall, skin)
        shown = rendering.render(library, name, guess, visible, points)
        found = shown[0, :, beside & (outside[0, 0] > 0.5)].median(1).values
        assert (found - expected[:, 0, 0]).abs().max() < 0.15
        assert torch.equal(shown * visible, guess * visible)


def test_beside_the_reference_a_guess_has_no_detail(library, points):
    """Specks in it were seen as dirt along the jaw."""
    name = people.name_of(library.references[0], False)
    visible = masks.frame_mask("face", points, SIZE)
    beside = (rendering.fit(library, name, points, SIZE).weight + visible)[0, 0] < 0.5
    specks = 0.4 * torch.randn(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    guess = torch.where(visible > 0.5, -0.3, 0.3 + specks).expand(1, 3, SIZE, SIZE).clamp(-1, 1)
    shown = rendering.render(library, name, guess, visible, points)
    assert shown[..., beside].std() < 0.6 * guess[..., beside].std()


@pytest.mark.parametrize("way", sorted(harmonizing.HARMONIZERS))
def test_any_way_to_harmonise_can_be_asked_for(library, points, way):
    name = people.name_of(library.references[0], False)
    visible = masks.frame_mask("face", points, SIZE)
    guess = torch.full((1, 3, SIZE, SIZE), -0.2)
    fitted = rendering.fit(library, name, points, SIZE)
    shown = rendering.harmonized(fitted, guess, visible, harmonizing.HARMONIZERS[way])
    assert shown.shape == guess.shape and shown.abs().max() <= 1
    assert (shown - guess).abs().mean() > 0.01
