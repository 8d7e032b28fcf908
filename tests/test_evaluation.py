"""The attacker's protocol, with the real recogniser on the two people of the sample photo, and on known vectors."""

import pytest
import torch
import torch.nn.functional as F

from deid import evaluation, images, recognisers
from deid.anonymizer import Options

dlib = pytest.importorskip("dlib")


@pytest.fixture(scope="module")
def two(portraits, tmp_path_factory):
    """LFW's layout with two people, two photos each."""
    folder = tmp_path_factory.mktemp("lfw")
    for index, path in enumerate(portraits(folder / "cut", 4)):
        person = folder / "lfw" / ("Collins", "Hopper")[index % 2]
        person.mkdir(parents=True, exist_ok=True)
        images.save(images.load(path), person / f"{person.name}_{index // 2 + 1:04}.jpg")
    return folder / "lfw"


def test_people_are_the_same_for_a_seed(two):
    chosen = evaluation.people(two, 2)
    assert [person.name for person in chosen] == ["Collins", "Hopper"]
    assert (chosen[0].gallery.name, chosen[0].probe.name) == ("Collins_0001.jpg", "Collins_0002.jpg")
    with pytest.raises(ValueError, match="2 people with two photos, 3 were asked for"):
        evaluation.people(two, 3)


def test_originals_are_recognised_and_black_faces_are_not(two):
    chosen, recogniser = evaluation.people(two, 2), recognisers.load("dlib")
    gallery, _ = evaluation.embed([person.gallery for person in chosen], recogniser)
    probes, kept = evaluation.embed([person.probe for person in chosen], recogniser)
    found = evaluation.fixed_attack(probes, gallery, kept)
    assert found["rank-1"][0] == 1 and found["area under curve"] == 1 and kept.all()
    black = evaluation.anonymized(Options(method="blackout"))
    covered, kept = evaluation.embed([person.probe for person in chosen], recogniser, black)
    hidden = evaluation.fixed_attack(covered, gallery, kept)
    assert not kept.any() and hidden["similarity to the own original"][0] < found["similarity to the own original"][0]


def test_where_no_face_is_found_one_is_put_in_the_middle():
    (face,) = evaluation.locate(images.Photo(torch.zeros(1, 3, 100, 120)))
    assert face.points().mean(0).tolist() == pytest.approx([60, 50], abs=6)


def test_numbers_on_known_vectors():
    gallery = torch.eye(50)
    strangers = F.normalize(torch.rand(50, 50, generator=torch.Generator().manual_seed(0)), dim=1)
    exact = evaluation.fixed_attack(gallery, gallery, torch.ones(50))
    chance = evaluation.fixed_attack(strangers, gallery, torch.zeros(50))
    assert exact["rank-1"] == [1, 1, 1] and exact["true accepts at 0.1%"] == [1, 1, 1]
    assert chance["rank-1"][0] < 0.1 and chance["area under curve"] == pytest.approx(0.5, abs=0.1)
    assert (exact["still detected"][0], chance["still detected"][0]) == (1, 0)
