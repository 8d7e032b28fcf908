"""What the towers are shown: surroundings without a pixel of the face, and who is held out."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from deid.photo import masks
from deid.recognition import recognisers
from deid.training.coherence import examples
from deid.training.coherence.examples import Examples, embed_relit, kept_apart


def random(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def six(crops) -> Examples:
    return Examples(crops, range(6), torch.eye(6, 128))


def test_nothing_of_the_face_is_seen_around_it(six, crops):
    """Faces are white, all else is black: no white gets out, however the view is moved and blurred."""
    hidden = torch.cat([1 - masks.frame_mask("face", points, 64) for points in crops.landmarks])
    white = Examples(crops, range(6), torch.eye(6, 128))
    white.crops = SimpleNamespace(batch=lambda chosen: (hidden[chosen] * 2 - 1).expand(-1, 3, -1, -1))
    for seed in range(5):
        views = white.views(torch.arange(6), random(seed), strength=1.0)
        assert 0.2 < views.visible.mean() < 0.9
        assert (views.around * views.visible)[views.visible.expand(-1, 3, -1, -1) > 0.5].max() < 0.3
        plain = white.views(torch.arange(6), random(seed), strength=0.0)
        assert (plain.around * plain.visible).max() <= 0


def test_views_change_with_the_random_state_alone(six):
    indices = torch.tensor([4, 1])
    one, two, other = (six.views(indices, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.around, two.around) and not torch.equal(one.around, other.around)
    assert torch.equal(one.embeddings, torch.eye(6, 128)[indices])
    assert (one.landmarks - six.landmarks[indices]).abs().max() < 0.3


def test_a_pass_shows_every_face_once_beside_those_that_look_the_same_way(six):
    seen = torch.cat(six.batches(2, random()))
    assert sorted(seen.tolist()) == list(range(6))
    many = Examples.__new__(Examples)
    many.chosen, many.turned = torch.arange(1000), torch.linspace(-1, 1, 1000)
    parts = many.batches(100, random())
    within = torch.stack([many.turned[part].abs().std() for part in parts]).mean()
    assert within < 0.85 * many.turned.abs().std()


def test_embeddings_are_of_relit_faces_and_are_made_once(crops, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "PART", 2)
    parts = list(embed_relit(crops, [0, 2, 3], tmp_path, 1.0))
    assert [len(part) for part in parts] == [2, 1] and len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(recognisers, "embed_crops", None)
    again = list(embed_relit(crops, [0, 2, 3], tmp_path, 1.0))
    assert torch.equal(torch.cat(again), torch.cat(parts))


def test_the_same_photos_are_held_out_whatever_else_is_there():
    def crops(numbers):
        return SimpleNamespace(paths=[Path(f"crops/{number:05}.webp-0.png") for number in numbers])

    learned, held_out = kept_apart(crops(range(1000)), 0.2)
    assert sorted(learned + held_out) == list(range(1000)) and 150 < len(held_out) < 250
    assert kept_apart(crops(held_out), 0.2)[0] == []
    assert kept_apart(crops(range(50)), 0.0)[1] == []
