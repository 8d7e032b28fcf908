"""Which faces are hidden, and which of them are doubtful."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from deid.anonymization import looking
from deid.anonymization.options import Options
from deid.photo.images import Photo


@pytest.fixture(scope="module")
def small(sample) -> Photo:
    """The photo of two people at half its size."""
    smaller = F.interpolate(sample.pixels, scale_factor=0.5, mode="bilinear", antialias=True)
    return dataclasses.replace(sample, pixels=smaller)


@pytest.fixture(scope="module")
def between(small) -> Options:
    """Options by which one face of the photo is certain, and one doubtful."""
    certain, _ = looking.look(small, Options(detector="mtcnn"))
    weak, sure = sorted(face.score for face in certain)
    return Options(detector="mtcnn", min_score=(weak + sure) / 2)


def test_what_scores_less_is_doubtful(small, between):
    (certain,), (doubtful,) = looking.look(small, between)
    assert doubtful.score < between.min_score <= certain.score
    assert looking.find_faces(small, between) == [certain, doubtful]
    assert looking.find_faces(small, dataclasses.replace(between, doubtful="keep")) == [certain]


def test_the_detector_that_is_asked_for_looks(small):
    by = {d: {f.by for f in looking.look(small, Options(detector=d))[0]} for d in ("mtcnn", "union")}
    assert by == {"mtcnn": {("mtcnn",)}, "union": {("mtcnn", "centerface")}}


def test_small_faces_of_a_large_photo_are_not_looked_for(sample):
    large = dataclasses.replace(sample, pixels=torch.zeros(1, 3, 2100, 2000))
    sizes = [looking.smallest_searched(photo, Options(min_size=8)) for photo in (sample, large)]
    assert sizes == [8, 24] and looking.smallest_searched(large, Options(smallest=40, min_size=50)) == 40
