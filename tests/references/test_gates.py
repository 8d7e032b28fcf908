"""Gates: each reason is given for what it names, and for nothing ordinary."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo.blending import gaussian
from deid.photo.faces import from_landmarks
from deid.references import attributes, gates
from deid.references.build import examine
from deid.references.sources import openpeople_portraits


def face(left=400.0, unit=100.0, score=1.0):
    points = torch.tensor([[0.0, 0], [1, 0], [0.5, 0.6], [0.05, 1.06], [0.95, 1.06]])
    found = from_landmarks(points * unit + torch.tensor([left, 400.0]))
    return type(found)(found.box, score, found.landmarks)


@pytest.mark.parametrize(
    ("faces", "reason"),
    [
        ([], "no face"),
        ([face()], ""),
        ([face(), face(left=100, unit=60)], "several faces"),
        ([face(), face(left=100, unit=20)], ""),
        ([face(score=0.96)], "uncertain face"),
        ([face(left=10)], "beyond the picture"),
        ([face(unit=30)], "too small"),
    ],
)
def test_where_the_face_is_decides(faces, reason):
    assert gates.face_reason(faces, (1000, 1000)) == reason


@pytest.fixture(scope="module")
def person():
    """All pictures of one person by label: (what is stored, reason)."""
    return {
        portrait.name.split("-")[1]: examine(portrait)[:2] for portrait in openpeople_portraits(("P002",))
    }


def test_ordinary_expressions_pass_and_grimaces_do_not(person):
    for label in ("neutral", "happy", "smug", "determined", "studio_portrait", "amateur_selfie", "front"):
        assert person[label][1] == "", label
    for label in ("disgusted", "shocked", "playful", "thoughtful", "flirty", "angry"):
        assert person[label][1] == "grimace", label


def test_an_open_mouth_and_closed_eyes_are_told_without_a_label():
    wanted = {"P002-shocked": "mouth wide open", "P002-pensive": "closed eyes", "P002-happy": ""}
    source = [portrait for portrait in openpeople_portraits(("P002",)) if portrait.name in wanted]
    assert {portrait.name: examine(portrait_without_label(portrait))[1] for portrait in source} == wanted


def portrait_without_label(portrait):
    return type(portrait)(
        portrait.name, portrait.identity, portrait.source, portrait.licence, portrait.pixels
    )


def test_grey_toned_and_blurred_crops_are_rejected(small):
    crop = small.crop(0, 256)
    measured = small.references[0].attributes
    assert gates.look_reason(crop, measured) == ""
    grey = crop.mean(1, keepdim=True).expand_as(crop)
    sepia = grey * 0.8 + torch.tensor([0.15, 0.0, -0.2]).view(1, 3, 1, 1)
    assert gates.look_reason(grey, measured) == gates.look_reason(sepia, measured) == "greyscale"
    assert gates.look_reason(gaussian(crop, 3.0), measured) == "blurred"


def test_dark_glasses_are_rejected(small):
    """Two dark discs and a bridge are drawn over the eyes."""
    crop, places = small.crop(0, 256).clone(), small.landmarks[0] * 256
    y, x = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    middle = places[:2].mean(0)
    dark = ((x - middle[0]).abs() < 95) & ((y - middle[1]).abs() < 4)
    for centre in places[:2]:
        dark |= ((x - centre[0]) / 33) ** 2 + ((y - centre[1]) / 26) ** 2 < 1
    crop = torch.where(dark[None, None], torch.full_like(crop, -0.95), crop)
    measured = attributes.measure(crop, small.landmarks[0])
    assert gates.look_reason(crop, measured) == "sunglasses"


def test_near_duplicates_of_a_source_are_one_person():
    """By what a recogniser says alone, or, if it is less certain, together with the pixels."""
    random = torch.Generator().manual_seed(0)
    a, b = F.normalize(torch.randn(2, 128, generator=random), dim=1)
    nearly_a, like_a = (F.normalize(a + share * b, dim=0) for share in (0.01, 0.35))
    vectors = torch.stack([a, b, nearly_a, nearly_a, like_a, like_a])
    picture, other = torch.rand(2, 3, 64, 64, generator=random)
    pictures = torch.stack([picture, picture, other, other, 0.9 * picture + 0.1 * other, other])
    sources = ["one", "one", "one", "other", "one", "one"]
    found = gates.same_people(vectors, pictures, list("abcdef"), sources)
    # f is like e to the recogniser, in another picture; d is of another source.
    assert found == ["a", "b", "a", "d", "a", "a"]
    known = gates.same_people(vectors[:3], pictures[:3], ["a", "b", "a"], ["one"] * 3)
    assert known == ["a", "b", "a"], "two pictures of a: its source knows who is who"
    without = gates.same_people(vectors[[0, 5]], pictures[[0, 5]], ["a", "f"], ["one", "one"])
    assert without == ["a", "f"]


@pytest.mark.parametrize(
    ("a", "b", "reason"), [(8.0, 16.0, ""), (-14.0, 10.0, "coloured light"), (2.0, 1.0, "coloured light")]
)
def test_green_or_colourless_skin_is_coloured_light(small, a, b, reason):
    measured = small.references[0].attributes | {"skin_a": a, "skin_b": b}
    assert gates.look_reason(small.crop(0, 256), measured) == reason
