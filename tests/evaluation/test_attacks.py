"""Attackers on vectors whose answer is known."""

import pytest
import torch
import torch.nn.functional as F

from deid.evaluation import attacks, gates
from deid.evaluation.statistics import Interval


def test_the_fixed_attacker_on_known_vectors(unit):
    gallery = unit(60, 128)
    exact, chance = attacks.fixed(gallery, gallery), attacks.fixed(unit(60, 128, seed=1), gallery)
    assert exact["rank-1"][0] == 1 and exact["true accepts at 0.1%"][0] == 1
    assert chance["rank-1"][0] < 0.1 and chance["area under curve"] == pytest.approx(0.5, abs=0.1)


def test_the_adaptive_attacker_undoes_what_can_be_learned(unit):
    """Every face moved the same way, and all of them turned: the fixed attacker gets nothing."""
    people = unit(200, 128)
    photos = [F.normalize(people + 0.3 * unit(200, 128, seed=seed), dim=1) for seed in (1, 2, 3)]
    shift = 4 * unit(1, 128, seed=9)
    moved = [F.normalize(photo + shift, dim=1) for photo in photos]
    turn = torch.linalg.qr(torch.randn(128, 128, generator=torch.Generator().manual_seed(4)))[0]
    turned = [photo @ turn for photo in photos]
    for probes, anonymized in ((moved[1], moved[2]), (turned[1], turned[2])):
        fixed = attacks.fixed(probes, photos[0])["rank-1"][0]
        adaptive = attacks.adaptive(probes, photos[0], anonymized_gallery=anonymized)["rank-1"]
        assert adaptive[0] > 0.9 and adaptive[0] >= fixed, "anonymized photos of the same people are a leak"
    assert attacks.fixed(turned[1], photos[0])["rank-1"][0] < 0.05


def test_the_adaptive_attacker_finds_nothing_where_nothing_is(unit):
    gallery, probes, anonymized = (unit(200, 128, seed=seed) for seed in (1, 2, 3))
    found = attacks.adaptive(probes, gallery, anonymized)
    assert found["rank-1"][0] < 0.04, "learned from other people than it is judged on"
    assert found["area under curve"] == pytest.approx(0.5, abs=0.06)


def test_the_adaptive_attacker_does_not_lose_what_the_fixed_one_has(unit):
    people = unit(200, 128)
    gallery, probes = (F.normalize(people + 0.5 * unit(200, 128, seed=seed), dim=1) for seed in (1, 2))
    fixed, adaptive = (
        attacks.fixed(probes, gallery),
        attacks.adaptive(probes, gallery, unit(200, 128, seed=3)),
    )
    gates.gate_attackers("a method", *(Interval(*found["rank-1"]) for found in (fixed, adaptive)))
    assert adaptive["rank-1"][0] > fixed["rank-1"][0] - 0.05


def test_an_attacker_who_learns_needs_people_to_learn_from(unit):
    with pytest.raises(ValueError, match="at least 4 people, not 3"):
        attacks.adaptive(unit(3, 128), unit(3, 128), unit(3, 128))


def test_people_whom_no_one_looks_for_make_the_gallery_larger(unit):
    people = unit(300, 64)
    gallery, probes, anonymized = (
        F.normalize(people + 1.5 * unit(300, 64, seed=seed), dim=1) for seed in (1, 2, 3)
    )
    few, all_of_them = (attacks.fixed(probes[:60], gallery[:size])["rank-1"][0] for size in (60, 300))
    assert 1 > few > all_of_them > 0.1
    found = attacks.adaptive(probes[:60], gallery, anonymized[:60])
    assert found["people"] == 60 and found["rank-1"][0] >= all_of_them


def test_links_and_what_matches_itself_on_known_vectors(unit):
    people = unit(100, 64)
    near = F.normalize(people + 0.2 * unit(100, 64, seed=1), dim=1)
    strangers = unit(100, 64, seed=2)
    assert attacks.linked(people, near)["rank-1"][0] == 1 > attacks.linked(people, strangers)["rank-1"][0]
    assert attacks.itself(people, near, near)[0] == 1 and attacks.itself(people, strangers, near)[0] <= 0.01
    shown = torch.arange(100) % 9
    assert attacks.as_shown(near[:9][shown], people[:9], shown)[0] == 1


def test_two_judges_together_see_more_than_one(unit):
    people = {judge: unit(200, 16, seed=seed) for judge, seed in (("a", 1), ("b", 2))}
    origin = {judge: torch.full((16,), 0.9) for judge in people}  # all of a judge's vectors lie on one side

    def photo(seed: int) -> dict:
        noise = {judge: 0.9 * unit(200, 16, seed=seed + k) for k, judge in enumerate(people)}
        return {
            judge: F.normalize(own + noise[judge] + origin[judge], dim=1) for judge, own in people.items()
        }

    probes, gallery = photo(3), photo(5)
    alone = [attacks.fixed(probes[judge], gallery[judge])["rank-1"][0] for judge in people]
    both = [attacks.ensemble(vectors, origin) for vectors in (probes, gallery)]
    assert torch.allclose(both[0].norm(dim=1), torch.ones(200))
    assert attacks.fixed(*both)["rank-1"][0] > max(alone)
