"""Measures of recognition on data whose answer is known, and gates that stop nonsense."""

import pytest
import torch
import torch.nn.functional as F

from deid import privacy, recognisers


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_pairs_are_read_as_lfw_writes_them(tmp_path):
    (tmp_path / "pairs.txt").write_text("2\t1\nAbel_Pacheco\t1\t4\nA_B\t1\tC_D\t12\nE\t2\t3\nF\t1\tG\t2\n")
    pairs, same = privacy.read_pairs(tmp_path / "pairs.txt")
    assert pairs[:2] == [("Abel_Pacheco/Abel_Pacheco_0001", "Abel_Pacheco/Abel_Pacheco_0004"),
                         ("A_B/A_B_0001", "C_D/C_D_0012")]  # fmt: skip
    assert same.tolist() == [True, False, True, False]
    (tmp_path / "pairs.txt").write_text("2 1\nonly two\n")
    with pytest.raises(ValueError, match=r"pairs.txt.*no pair"):
        privacy.read_pairs(tmp_path / "pairs.txt")


def test_verification_uses_thresholds_of_other_folds():
    same = torch.tensor([True, False] * 50)
    perfect = same.float() + 0.1 * torch.rand(100, generator=torch.Generator().manual_seed(0))
    assert privacy.verification(perfect, same) == 1
    assert privacy.verification(-perfect, same) <= 0.5
    noise = torch.rand(2000, generator=torch.Generator().manual_seed(1))
    chance = privacy.verification(noise, torch.tensor([True, False] * 1000))
    assert chance == pytest.approx(0.5, abs=0.04), "a threshold from its own fold would do better than chance"


def test_ranks_by_hand():
    gallery = torch.eye(4)
    probes = F.normalize(torch.tensor([[1.0, 0, 0, 0], [0.9, 1, 0, 0], [0, 0, 0.1, 1], [0.8, 0.7, 0, 0.6]]), dim=1)
    assert privacy.ranks(probes @ gallery.T, torch.tensor([0, 1, 2, 3])).tolist() == [1, 1, 2, 3]
    assert privacy.ranks(torch.ones(1, 4) / 2, torch.tensor([2])).tolist() == [1], "ties are the attacker's"


def test_rates_and_areas_on_known_distributions():
    others = torch.linspace(0, 1, 10_001)
    assert privacy.accepted(torch.tensor([0.5, 0.98, 0.995, 1.0]), others, 0.01).tolist() == [False, False, True, True]
    assert privacy.area_under_curve(others, others) == pytest.approx(0.5)
    assert privacy.area_under_curve(others + 2, others) == 1


def test_bootstrap_interval_holds_the_mean_and_narrows():
    few = privacy.bootstrap(torch.tensor([1.0, 0, 0, 0, 1] * 4))
    many = privacy.bootstrap(torch.tensor([1.0, 0, 0, 0, 1] * 400))
    assert few.low < 0.4 < few.high and many.low < 0.4 < many.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert few == privacy.bootstrap(torch.tensor([1.0, 0, 0, 0, 1] * 4)), "the same numbers every time"


def test_an_interval_of_nobody_is_not_certainty():
    nobody, everybody = privacy.bootstrap(torch.zeros(300)), privacy.bootstrap(torch.ones(300))
    assert nobody.low == nobody.value == 0 and nobody.high == pytest.approx(0.0122, abs=1e-3)
    assert everybody.high == 1 and everybody.low == pytest.approx(1 - nobody.high)


def test_gates_stop_what_cannot_be():
    good = privacy.Interval(0.97, 0.95, 0.99)
    privacy.gate_recogniser("dlib", 0.991, 0.9938)
    privacy.gate_results({"original": good, "blackout": privacy.Interval(0.01, 0, 0.02)}, people=100, auc=[0.5, 0.9])
    with pytest.raises(privacy.GateError, match="not set up right"):
        privacy.gate_recogniser("dlib", 0.98, 0.9938)
    with pytest.raises(privacy.GateError, match="under 90 %"):
        privacy.gate_results({"original": privacy.Interval(0.89, 0.8, 0.95)}, people=100)
    with pytest.raises(privacy.GateError, match="a leak"):
        privacy.gate_results({"blackout": privacy.Interval(0.1, 0.05, 0.2)}, people=100)
    with pytest.raises(privacy.GateError, match="turned around"):
        privacy.gate_results({}, people=100, auc=[0.4])


def test_dlib_tells_two_people_apart(sample, sample_faces):
    """The real network on the two people of the sample photo, each also brightened and a pixel aside."""
    pytest.importorskip("dlib")
    recogniser = recognisers.load("dlib")
    first = recogniser.embed(sample.pixels, sample_faces)
    again = recogniser.embed((sample.pixels * 0.9).roll((1, 1), (2, 3)), [face.moved(1, 1) for face in sample_faces])
    assert first.shape == (2, 128) and torch.allclose(first.norm(dim=1), torch.ones(2))
    similarity = first @ again.T
    assert similarity.diagonal().min() > 0.97 > similarity[0, 1] + 0.05
    assert recogniser.embed(sample.pixels, []).shape == (0, 128)


def test_an_unknown_recogniser_is_refused():
    with pytest.raises(recognisers.RecogniserError, match="one of openface, dlib, facenet"):
        recognisers.load("magic")
