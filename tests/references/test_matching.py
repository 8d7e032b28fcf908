"""Which reference is chosen: the one that fits, for a seed, and each person once."""

import pytest
import torch

from deid.references import matching
from deid.references.library import Library
from deid.references.matching import Sketch


@pytest.fixture(scope="module")
def library(library_path):
    return Library.open(library_path)


def sketch_of(library, index):
    picture = matching.thumbnails(library)[index : index + 1]
    return Sketch(library.landmarks[index], picture, library.embeddings[index])


def test_a_reference_fits_itself_best(library):
    for index in range(len(library)):
        distance = matching.distances(library, sketch_of(library, index))
        assert distance.shape == (2, len(library))
        assert distance.argmin() == index and distance[0, index] < 0.05


def test_a_mirrored_face_gets_a_mirrored_reference(library):
    own = sketch_of(library, 0)
    turned = Sketch(matching.mirror_landmarks(own.landmarks), own.picture.flip(3), own.person)
    distance = matching.distances(library, turned)
    assert distance[1, 0] < distance[0, 0] and distance[1, 0] == pytest.approx(0, abs=0.05)


def test_tone_pose_and_person_each_count(library):
    own = sketch_of(library, 0)
    before = matching.distances(library, own)[0, 0]
    darker = Sketch(own.landmarks, own.picture - 0.4, own.person)
    moved = Sketch(own.landmarks + torch.tensor([0.05, 0.0]), own.picture, own.person)
    stranger = Sketch(own.landmarks, own.picture, -own.person)
    for other in (darker, moved, stranger):
        assert matching.distances(library, other)[0, 0] > before + 0.1


def test_the_parts_say_why_a_reference_fits_badly(library):
    own = sketch_of(library, 0)
    before = matching.parts(library, own)
    changes = {
        "tone": Sketch(own.landmarks, own.picture - 0.4, own.person),
        "person": Sketch(own.landmarks, own.picture, -own.person),
        "pose": Sketch(own.landmarks + torch.tensor([0.05, 0.0]), own.picture, own.person),
    }
    for name, other in changes.items():
        found = {part: (value - before[part])[0, 0] for part, value in matching.parts(library, other).items()}
        assert max(found, key=found.get) == name


def test_people_are_ranked_by_their_best_reference():
    distance = torch.tensor([[3.0, 1.0, 5.0], [0.5, 9.0, 0.7]])
    assert matching.best_of_each(distance, ["a", "a", "b"]) == {"a": (0, True), "b": (2, True)}
    assert list(matching.best_of_each(distance.flip(0), ["b", "a", "a"])) == ["b", "a"]


def test_the_seed_chooses_among_the_best_people():
    distance = torch.arange(20.0).reshape(2, 10)
    people = [f"person {k // 2}" for k in range(10)]  # two crops each
    chosen = {matching.choose(distance, people, seed, best=3) for seed in range(40)}
    assert chosen == {(0, False), (2, False), (4, False)}, "the better crop of each of the best three"
    assert matching.choose(distance, people, 7) == matching.choose(distance, people, 7)


def test_a_person_is_shown_once_while_others_are_left():
    distance, people = torch.arange(6.0).reshape(2, 3), ["a", "b", "c"]
    assert matching.choose(distance, people, 0, avoid={"a", "b"}) == (2, False)
    assert matching.choose(distance, people, 0, avoid={"a", "b", "c"}, best=1) == (0, False), "none is left"
