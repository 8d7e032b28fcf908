"""Who gets whom: the own person is left out, and shares are of the right pairs."""

import pytest
import torch

from deid.evaluation.coherence import groups
from deid.references.library import Library


@pytest.fixture(scope="module")
def library(library_path):
    return Library.open(library_path)


def test_the_best_people_are_others(library):
    random = torch.Generator().manual_seed(0)
    distance = torch.rand(2, len(library), generator=random)
    distance[:, 0] = 0  # the own picture fits best
    best = groups.best_people(library, 0, distance)
    people = [library.references[k].identity for k in best]
    assert len(people) == len(set(people)) == 3, "four people, without the own one"
    assert library.references[0].identity not in people
    nearest = distance.min(0).values[best]
    assert nearest.tolist() == sorted(nearest.tolist())


def test_labels_name_pictures_of_sets_that_may_be_shown():
    labels = groups.read_labels()
    names = frozenset().union(*labels.values())
    sets = ("t2i", "sfhq", "male", "female", *(f"P{number:03}" for number in range(1, 11)))
    assert len(names) > 500 and all(name.split("-")[0] in sets for name in names)
    assert not labels["child"] & (labels["elderly"] | labels["beard"] | labels["teenager"])
    assert not labels["woman"] & labels["beard"]


def test_the_table_counts_pairs(library):
    first, second, third = [library.references[k].name for k in range(3)]
    labels = {
        name: frozenset() for name in ("child", "teenager", "elderly", "glasses", "sunglasses", "beard")
    }
    labels |= {"child": frozenset([first, third]), "beard": frozenset([second]), "woman": frozenset([third])}
    rows = groups.table(library, {0: [1, 2], 1: [2, 3]}, labels)
    assert rows["child"]["photos"] == 1 and rows["child"]["same age"] == 0.5
    assert rows["child"]["beard astray"] == 0.5 and rows["beard"]["beard met"] == 0
    assert rows["all"]["photos"] == 2 and rows["all"]["same age"] == 0.5
    assert rows["beard"]["same sex"] == 0.5 and rows["child"]["same sex"] != rows["child"]["same sex"]
    light = torch.tensor([library.references[k].attributes["skin_l"] for k in (0, 1, 2)])
    wanted = (light[0] - light[1:]).abs().mean().item()
    assert rows["child"]["difference of L*"] == pytest.approx(wanted)
