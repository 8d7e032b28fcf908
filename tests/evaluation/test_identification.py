"""Measures of recognition on data whose answer is known."""

import pytest
import torch
import torch.nn.functional as F

from deid.evaluation import identification


def test_pairs_are_read_as_lfw_writes_them(tmp_path):
    (tmp_path / "pairs.txt").write_text("2\t1\nAbel_Pacheco\t1\t4\nA_B\t1\tC_D\t12\nE\t2\t3\nF\t1\tG\t2\n")
    pairs, same = identification.read_pairs(tmp_path / "pairs.txt")
    assert pairs[:2] == [("Abel_Pacheco/Abel_Pacheco_0001", "Abel_Pacheco/Abel_Pacheco_0004"),
                         ("A_B/A_B_0001", "C_D/C_D_0012")]  # fmt: skip
    assert same.tolist() == [True, False, True, False]
    (tmp_path / "pairs.txt").write_text("2 1\nonly two\n")
    with pytest.raises(ValueError, match=r"pairs.txt.*no pair"):
        identification.read_pairs(tmp_path / "pairs.txt")


def test_verification_uses_thresholds_of_other_folds():
    same = torch.tensor([True, False] * 50)
    perfect = same.float() + 0.1 * torch.rand(100, generator=torch.Generator().manual_seed(0))
    assert identification.verification_accuracy(perfect, same) == 1
    assert identification.verification_accuracy(-perfect, same) <= 0.5
    noise = torch.rand(2000, generator=torch.Generator().manual_seed(1))
    chance = identification.verification_accuracy(noise, torch.tensor([True, False] * 1000))
    assert chance == pytest.approx(0.5, abs=0.04), "a threshold from its own fold would do better than chance"


def test_ranks_by_hand():
    gallery = torch.eye(4)
    probes = F.normalize(
        torch.tensor([[1.0, 0, 0, 0], [0.9, 1, 0, 0], [0, 0, 0.1, 1], [0.8, 0.7, 0, 0.6]]), dim=1
    )
    assert identification.ranks(probes @ gallery.T, torch.tensor([0, 1, 2, 3])).tolist() == [1, 1, 2, 3]
    assert identification.ranks(torch.ones(1, 4) / 2, torch.tensor([2])).tolist() == [1], (
        "ties are the attacker's"
    )


def test_rates_and_areas_on_known_distributions():
    others = torch.linspace(0, 1, 10_001)
    assert identification.accepted(torch.tensor([0.5, 0.98, 0.995, 1.0]), others, 0.01).tolist() == [
        False,
        False,
        True,
        True,
    ]
    assert identification.area_under_curve(others, others) == pytest.approx(0.5)
    assert identification.area_under_curve(others + 2, others) == 1
