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
    target = points + torch.tensor([[-4.0, 3], [2, -4], [3, 4], [-4, 4], [3, -2]])
    fitted = rendering.fit(library, people.name_of(library.references[0], mirrored), target, SIZE)
    (found,) = detection.detect(fitted.picture)
    assert (found[0].points() - target).norm(dim=1).mean() < 6


def test_it_is_shown_inside_the_outline_only(library, points):
    fitted = rendering.fit(library, people.name_of(library.references[0], False), points, SIZE)
    outline = 1 - masks.frame_mask("face", points, SIZE)
    assert not (fitted.weight * (1 - outline)).any()
    assert (fitted.weight * outline).sum() > 0.6 * outline.sum()


def test_the_guess_gives_the_light_and_is_seen_around_it(library, points):
    name = people.name_of(library.references[0], False)
    fitted = rendering.fit(library, name, points, SIZE)
    shown = [
        rendering.render(library, name, torch.full((1, 3, SIZE, SIZE), tone), points) for tone in (-0.5, 0.2)
    ]
    inner = fitted.weight[0, 0] > 0.5
    assert shown[1][..., inner].mean() - shown[0][..., inner].mean() > 0.5
    corner = shown[0][..., :20, :20]
    assert torch.allclose(corner, torch.full_like(corner, -0.5), atol=1e-4)
