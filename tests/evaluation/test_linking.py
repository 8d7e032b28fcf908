"""How well an album tells who is who, on vectors whose answer is known."""

import pytest
import torch
import torch.nn.functional as F

from deid.evaluation import linking

pytest.importorskip("dlib")


def test_photos_of_a_person_are_linked_and_those_of_others_are_not(unit):
    people = unit(40, 128)
    near = [F.normalize(person + 0.02 * unit(2, 128, seed=k), dim=1) for k, person in enumerate(people)]
    found = linking.link(near)
    assert found["linked"][0] == 1 and found["taken for another person"][0] == 0 and found["people"] == 40
    far = [F.normalize(person + unit(2, 128, seed=k), dim=1) for k, person in enumerate(people)]
    assert linking.link(far)["linked"][0] == 0


def test_who_is_taken_for_another_is_counted(unit):
    one = unit(1, 128)
    twins = [torch.cat([one, one]), torch.cat([one, one]), unit(2, 128, seed=3)]
    found = linking.link(twins)
    assert found["taken for another person"][0] == pytest.approx(1 / 3, abs=0.01)
    assert found["linked"][0] == pytest.approx(2 / 3, abs=0.01)
