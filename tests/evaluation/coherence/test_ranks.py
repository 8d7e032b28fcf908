"""The rank of the own face: counted right, and told from visible pixels."""

import pytest
import torch

from deid.evaluation.coherence import ranks
from deid.inpainting.guessing import Guesser


def test_ranks_count_who_is_nearer():
    similarity = torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]])
    found = ranks.ranks_of(similarity, torch.arange(3))
    assert found == ranks.Ranks(2.0, pytest.approx(1 / 3))


def test_a_sketch_of_a_hidden_face_does_not_depend_on_it(crops):
    whole, points, guesser = crops.at(128).batch([0]), crops.at(128).landmarks[:1], Guesser()
    grey = whole.clone()
    grey[..., 50:90, 45:85] = 0  # inside the face
    (one,), (two,) = (ranks.hide_and_guess(picture, points, guesser) for picture in (whole, grey))
    assert torch.equal(one.sketch.kind, two.sketch.kind) and torch.equal(one.person, two.person)


def test_own_faces_are_ranked_by_each_measure(crops):
    for relit in (False, True):
        *counted, found = ranks.own_face_ranks(crops, [0, 2, 3], probes=2, relit=relit)
        assert counted == [1, 2, 3, 4, 5]
        assert set(found) == {"kind", "guess", "both"}
        assert all(1 <= own.median <= 3 for own in found.values())
