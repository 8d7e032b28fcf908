"""Beards, brows and fair hair are told from thumbnails."""

import pytest
import torch

from deid.photo import masks
from deid.references import hair
from deid.references.library import Library


@pytest.fixture(scope="module")
def library(library_path):
    return Library.open(library_path)


def of(library, person):
    return torch.tensor([reference.identity == person for reference in library.references])


def test_a_beard_is_told(library):
    worn = hair.beards(library)
    assert worn[of(library, "P005")].min() > 0.4 and worn[~of(library, "P005")].max() < 0.1


def test_brows_are_told(library):
    heavy = hair.brows(library)
    assert heavy.min() >= 0 and heavy.max() <= 1
    assert heavy[of(library, "P009")].median() > heavy[of(library, "P001")].median(), "by eye"


@pytest.mark.parametrize(("light", "least", "most"), [(-0.9, 0.0, 0.05), (0.3, 0.9, 1.0)])
def test_hair_is_as_fair_as_what_is_seen_above_the_eyes(library, light, least, most):
    """Whatever is seen below them."""
    row = int(of(library, "P001").nonzero()[0])
    picture = torch.full((1, 3, 64, 64), -0.9)
    picture[:, :, :28] = light
    points = library.landmarks[row]
    inside = masks.frame_mask("face", points.double() * 64 - 0.5, 64) < 0.5
    picture = torch.where(inside, 0.2, picture)
    assert least <= hair.fairness(picture, points) <= most
