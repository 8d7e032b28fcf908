"""Which faces are hidden, which of them are doubtful, and who decides: detectors, an option, or a person."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from deid.anonymization import looking, pipeline
from deid.anonymization.options import Options
from deid.anonymization.wishes import Wish, Wishes
from deid.photo.faces import Face, overlap
from deid.photo.images import Photo

BLACK = Options(method="blackout", verify=False, detector="mtcnn")


def asked(*faces: Wish, regions: tuple[Wish, ...] = ()) -> Wishes:
    return Wishes(list(faces), list(regions), None)


def same(found: Sequence[Face], faces: Sequence[Face]) -> bool:
    """Whether these are the same faces; a detector that looks for smaller ones as well says other boxes."""
    return all(overlap(one.box, other.box) > 0.8 for one, other in zip(found, faces, strict=True))


def test_a_person_decides_face_by_face(sample, sample_faces):
    left, right = sample_faces
    sight = looking.decide(sample, BLACK, asked(Wish(left.box, "keep"), Wish(right.box, "blackout")))
    assert [face.box for face in sight.left] == [left.box] and sight.left[0].by == ("hand",)
    assert [face.box for face in sight.black] == [right.box] and not (sight.hidden or sight.doubtful)
    result = pipeline.anonymize(sample, Options(verify=False), sight)
    (target,) = result.targets
    assert target.black and target.reason == "asked for"
    (x, y), (u, v) = (face.points()[2].round().int().tolist() for face in (left, right))
    assert torch.equal(result.photo.pixels[..., y, x], sample.pixels[..., y, x]), "the face stays as it is"
    assert (result.photo.pixels[..., v, u] == -1).all() and result.left == sight.left


def test_what_is_found_in_no_box_is_told(sample, sample_faces):
    sight = looking.decide(sample, BLACK, asked(Wish(sample_faces[0].box, "replace")))
    assert len(sight.hidden) == 1 and same(sight.doubtful, sample_faces[1:])
    assert pipeline.anonymize(sample, BLACK, sight).doubtful == sight.doubtful


@pytest.mark.parametrize("wish", ["only_larger_than", "keep_largest"])
def test_large_and_small_faces_may_be_left_as_they_are(sample, sample_faces, wish):
    small, large = sorted(sample_faces, key=lambda face: face.size)
    changes = {"only_larger_than": small.size + 9, "keep_largest": True}
    options = replace(BLACK, **{wish: changes[wish]})
    sight = looking.decide(sample, options)
    left, hidden = (small, large) if wish == "only_larger_than" else (large, small)
    assert same(sight.left, [left]) and same(sight.hidden, [hidden])
    assert same(looking.find_faces(sample, options), [hidden])


def test_a_black_region_lies_over_a_face_and_needs_no_face_under_it(sample, sample_faces):
    left, right = sample_faces
    x1, y1, x2, y2 = left.box
    region = Wish((x1 - 90, y1 - 90, x2 + 90, y2 + 90), "blackout")
    sight = looking.decide(sample, BLACK, Wishes(None, [region], None))
    assert len(sight.hidden) == 2, "the detector looked"
    result = pipeline.anonymize(sample, Options(method="pixelate", verify=False), sight)
    assert same([target.face for target in result.targets], [right])
    assert (result.photo.pixels[..., int(y1) : int(y2), int(x1) : int(x2)] == -1).all()
    assert result.hidden[..., int(y1), int(x1)] == 1 and result.regions == [region]


def test_a_region_in_a_photo_without_a_face_is_a_result(sample):
    photo = Photo(sample.pixels[:, :, :100, :60])
    sight = looking.decide(photo, BLACK, asked(regions=(Wish((5, 5, 30, 30), "blackout"),)))
    result = pipeline.anonymize(photo, BLACK, sight)
    assert result.status == "anonymized" and not result.targets and result.hidden.any()


@pytest.fixture(scope="module")
def small(sample) -> Photo:
    """The photo of two people at half its size."""
    smaller = F.interpolate(sample.pixels, scale_factor=0.5, mode="bilinear", antialias=True)
    return replace(sample, pixels=smaller)


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
    assert looking.find_faces(small, replace(between, doubtful="keep")) == [certain]


def test_the_detector_that_is_asked_for_looks(small):
    by = {d: {f.by for f in looking.look(small, Options(detector=d))[0]} for d in ("mtcnn", "union")}
    assert by == {"mtcnn": {("mtcnn",)}, "union": {("mtcnn", "centerface")}}


def test_small_faces_of_a_large_photo_are_not_looked_for(sample):
    large = replace(sample, pixels=torch.zeros(1, 3, 2100, 2000))
    sizes = [looking.smallest_searched(photo, Options(min_size=8)) for photo in (sample, large)]
    assert sizes == [8, 24] and looking.smallest_searched(large, Options(smallest=40, min_size=50)) == 40
