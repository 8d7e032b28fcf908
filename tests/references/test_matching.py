"""Which reference is chosen: the one that fits, for a seed, and each person once."""

import dataclasses
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from deid.recognition import traits
from deid.references import hair, matching
from deid.references.library import Library
from deid.references.matching import Sketch, Weights


@pytest.fixture(scope="module")
def library(library_path):
    return Library.open(library_path)


def sketch_of(library, index):
    picture = hair.thumbnails(library)[index : index + 1]
    return Sketch(library.landmarks[index], picture, matching.kinds(library)[index])


ALL = Weights()
BARE = Weights(kind=0, traits=0, glasses=0, beard=0, brows=0)


def test_a_reference_fits_itself_best(library):
    for index in range(len(library)):
        distance = matching.distances(library, sketch_of(library, index), BARE)
        assert distance.shape == (2, len(library))
        assert distance.argmin() == index and distance[0, index] < 0.1


def test_a_mirrored_face_gets_a_mirrored_reference(library):
    own = sketch_of(library, 0)
    turned = Sketch(matching.mirror_landmarks(own.landmarks), own.picture.flip(3), own.kind)
    distance = matching.distances(library, turned, BARE)
    assert distance[1, 0] < distance[0, 0] and distance[1, 0] == pytest.approx(0, abs=0.05)


def test_what_is_known_counts_as_much_as_it_weighs(library):
    own = sketch_of(library, 0)
    before = matching.distances(library, own, ALL)[0, 0]
    changed = {
        "tone": replace(own, picture=own.picture - 0.4),
        "pose": replace(own, landmarks=own.landmarks + torch.tensor([0.05, 0.0])),
        "kind": replace(own, kind=-own.kind),
    }
    for name, other in changed.items():
        assert matching.distances(library, other, ALL)[0, 0] > before + 0.1
        unweighed = replace(ALL, traits=0.0, **{name: 0.0})
        without = matching.distances(library, own, unweighed)[0, 0].item()
        assert matching.distances(library, other, unweighed)[0, 0].item() == pytest.approx(without, abs=0.08)


def test_a_lit_side_is_told_from_tone_and_costs_on_the_wrong_side(library):
    only = Weights(0, 0, 1, 0, 0, 0, 0, 0)
    own = sketch_of(library, 0)
    slope = torch.linspace(-0.3, 0.3, matching.SIDE)
    lit, brighter = (replace(own, picture=own.picture + change) for change in (slope, 0.3))
    assert matching.distances(library, brighter, only)[0, 0] < 1e-3
    assert matching.distances(library, lit, only)[0, 0] > 0.05
    other = replace(lit, picture=lit.picture.flip(3), landmarks=matching.mirror_landmarks(own.landmarks))
    there, back = matching.distances(library, lit, only), matching.distances(library, other, only)
    assert torch.allclose(there, back.flip(0), atol=2e-3)


def test_a_man_costs_where_a_woman_fits(library):
    """By likelihoods alone: the kind that a face itself shows fits best where it is asked for."""
    only = Weights(0, 0, 0, 0, 1, 0, 0, 0)
    woman = traits.of_faces(library.embeddings)[:, traits.NAMES.index("woman")]
    around = torch.stack([traits.of_surroundings(kind[None])[0, 0] for kind in matching.kinds(library)])
    asked = sketch_of(library, int(around.argmax()))
    found = matching.distances(library, asked, only)
    assert torch.equal(found[0], found[1])
    assert found[0, woman.argmin()] > found[0, woman.argmax()]


def test_glasses_are_shown_where_nothing_else_fits_as_well(library):
    own = sketch_of(library, 0)
    plain = matching.distances(library, own, replace(ALL, glasses=0.0))
    worn = matching.glasses(library)
    assert worn.min() >= 0 and worn.max() <= 1
    assert torch.allclose(matching.distances(library, own, replace(ALL, glasses=0.3)), plain + 0.3 * worn)
    spectacled = SimpleNamespace(
        references=[SimpleNamespace(attributes={"glasses": share}) for share in (0.0, 0.15, 0.3, 0.9)]
    )
    assert matching.glasses(spectacled).tolist() == [0, 0, 1, 1]


def test_a_beard_costs_and_so_do_heavy_brows_under_fair_hair(library):
    own, worn = sketch_of(library, 0), hair.beards(library)
    change = matching.distances(library, own, ALL) - matching.distances(library, own, replace(ALL, beard=0.0))
    assert torch.allclose(change, (ALL.beard * worn).expand(2, -1), atol=1e-4)
    blond = replace(own, picture=torch.where(own.picture < -0.5, 0.6, own.picture))
    for sketch in (own, blond):
        parts = matching.parts(library, sketch)["brows"]
        expected = ALL.brows * hair.brows(library) * hair.fairness(sketch.picture, sketch.landmarks)
        assert torch.allclose(parts, expected.expand(2, -1))
    assert matching.parts(library, blond)["brows"].sum() > matching.parts(library, own)["brows"].sum() + 0.5


def test_the_parts_say_why_a_reference_fits_badly(library):
    own = sketch_of(library, 0)
    before = matching.parts(library, own)
    changes = {
        "tone": Sketch(own.landmarks, own.picture - 0.4, own.kind),
        "kind": Sketch(own.landmarks, own.picture, -own.kind),
        "pose": Sketch(own.landmarks + torch.tensor([0.05, 0.0]), own.picture, own.kind),
    }
    for name, other in changes.items():
        found = {part: (value - before[part])[0, 0] for part, value in matching.parts(library, other).items()}
        assert max(found, key=found.get) == name


def test_a_picture_with_too_few_pixels_costs_by_how_often_they_were_halved(library):
    own = sketch_of(library, 0)
    sizes = torch.tensor([float(reference.size) for reference in library.references])
    assert len(sizes.unique()) > 1
    for span in (0.0, 200.0, 900.0):
        found = matching.parts(library, dataclasses.replace(own, span=span))["detail"]
        wanted = ALL.detail * torch.log2(span / sizes).clamp(min=0) if span else torch.zeros(len(sizes))
        torch.testing.assert_close(found, wanted.expand(2, -1))


def test_people_are_ranked_by_their_best_reference():
    distance = torch.tensor([[3.0, 1.0, 5.0], [0.5, 9.0, 0.7]])
    assert matching.best_of_each(distance, ["a", "a", "b"]) == {"a": (0, True), "b": (2, True)}
    assert list(matching.best_of_each(distance.flip(0), ["b", "a", "a"])) == ["b", "a"]


def test_the_seed_chooses_among_the_best_people():
    distance = 50 + torch.arange(20.0).reshape(2, 10)
    people = [f"person {k // 2}" for k in range(10)]  # two crops each
    chosen = {matching.choose(distance, people, seed, best=3) for seed in range(40)}
    assert chosen == {(0, False), (2, False), (4, False)}, "the better crop of each of the best three"
    assert matching.choose(distance, people, 7) == matching.choose(distance, people, 7)
    far = torch.where(distance < 52, 1.0, distance)
    assert {matching.choose(far, people, seed)[0] for seed in range(40)} == {0, 2}, "who fits, and one other"


def test_a_person_is_shown_once_while_others_are_left():
    distance, people = torch.arange(6.0).reshape(2, 3), ["a", "b", "c"]
    assert matching.choose(distance, people, 0, avoid={"a", "b"}) == (2, False)
    assert matching.choose(distance, people, 0, avoid={"a", "b", "c"}, best=1) == (0, False), "none is left"


def test_pictures_of_a_person_show_one_kind_and_the_same_sex_and_age(library):
    """A profile alone says little of whom it shows."""
    parts = matching.parts(library, sketch_of(library, 0))
    people = [reference.identity for reference in library.references]
    for name in ("kind", "traits"):
        own = {person: parts[name][0][[one == person for one in people]] for person in people}
        assert all(values.max() - values.min() < 1e-5 for values in own.values())
        assert len({round(values[0].item(), 3) for values in own.values()}) > 3


def test_a_pose_that_is_far_off_costs_more_than_in_proportion(library):
    own = sketch_of(library, 0)
    sketches = [Sketch(own.landmarks + shift, own.picture, own.kind) for shift in (0.03, 0.09)]
    near, far = (matching.parts(library, sketch)["pose"][0, 0] for sketch in sketches)
    assert far > 3.5 * near
