"""Training what tells glasses: examples from crops, a network that learns them, and errors that say why."""

import pytest
import torch

from deid.photo.glasses_network import HEIGHT, WIDTH, Strips
from deid.training import glasses
from deid.training.glasses import StripExamples


def drawn(count: int) -> StripExamples:
    """Grey strips beside a hole; every third one with a dark line, as an arm is."""
    random = torch.Generator().manual_seed(0)
    strips = torch.randint(-20, 20, (count, 2, 4, HEIGHT, WIDTH), generator=random, dtype=torch.int8)
    strips[:, :, 3] = 127 * (torch.arange(WIDTH) < 15)
    strips[:, :, :3, :, :15] = 0
    worn = torch.arange(count) % 3 == 0
    strips[worn, :, :3, 14:17, 15:35] = -100
    return StripExamples(strips, worn.float())


def test_examples_are_the_strips_of_faces_with_and_some_without(crops):
    known = glasses.examples(crops, [1.0, -2.0, -2.0, -0.5, -2.0, 1.0])
    assert known.strips.shape == (5, 2, 4, HEIGHT, WIDTH) and known.worn.tolist() == [1, 1, 0, 0, 0]
    assert known.strips.dtype == torch.int8 and set(known.strips[:, :, 3].unique().tolist()) == {0, 127}
    assert not known.strips[:, :, :3][known.strips[:, :, 3:].expand(-1, -1, 3, -1, -1) > 0].any()


def test_it_learns_what_an_arm_is():
    known = drawn(240)
    *_, (network, share) = glasses.fit(known, epochs=6)
    assert share > 0.9 and not network.training
    untrained = Strips().eval()
    rows = torch.arange(len(known.worn))
    assert glasses.found(untrained, known, rows) < 0.9 < glasses.found(network, known, rows)


def test_the_same_seed_learns_the_same():
    first, second = (list(glasses.fit(drawn(150), epochs=1))[0][0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_without_faces_that_wear_glasses_it_says_so(crops, tmp_path, capsys):
    with pytest.raises(ValueError, match="more crops"):
        glasses.examples(crops, [-2.0] * len(crops))
    assert glasses.main([str(tmp_path), "--output", str(tmp_path / "glasses.safetensors")]) == 1
    assert "no crops" in capsys.readouterr().err and not list(tmp_path.glob("*.safetensors"))
