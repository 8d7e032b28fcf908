"""Options that make no sense are refused, whoever gives them; and a case's name says all of them."""

import pytest

from deid.anonymization.options import METHODS, Options, parse


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "magic"}, "method must be"),
        ({"mask": "nose"}, "mask must be"),
        ({"detector": "dowsing"}, "detector must be one of mtcnn, union, thorough"),
        ({"doubtful": ""}, "doubtful must be one of replace, blackout, keep"),
        ({"min_score": 0}, "min-score"),
        ({"starts": 0}, "at least 1"),
        ({"iterations": 0}, "at least 1"),
        ({"min_size": float("nan")}, "at least 1"),
        ({"truncation": 2}, "truncation must be"),
        ({"jitter": -1}, "jitter must be"),
        ({"strength": -1}, "strength"),
        ({"starts": 4.5}, "starts must be a whole number"),
        ({"iterations": "many"}, "iterations must be a whole"),
        ({"seed": True}, "seed must be a whole number"),
        ({"seed": 2**63}, "seed must be a whole number"),
        ({"min_score": "0.5"}, "min_score must be a number"),
        ({"truncation": None}, "truncation must be a number"),
        ({"strength": True}, "strength must be a number"),
        ({"verify": "false"}, "verify must be True or False"),
        ({"weights": 3}, "weights must be text"),
        ({"device": ["cpu"]}, "device must be text"),
        ({"smallest": 0}, "smallest must be sizes"),
        ({"smallest": float("nan")}, "smallest must be sizes"),
        ({"min_size": float("inf")}, "min-size and smallest must be sizes"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Options(**wrong)


def test_a_network_belongs_to_a_method_that_draws():
    assert Options().network == "" and Options().draws
    assert Options(method="onepass").network == "onepass-128"
    assert Options(method="dcgan", weights="mine.safetensors").network == "mine.safetensors"
    assert Options(method="blur").network == "" and not Options(method="blur").draws
    assert (
        Options(starts=3, iterations=5).search.starts,
        Options(starts=3, iterations=5).search.iterations,
    ) == (3, 5)


def test_a_method_hides_what_it_needs_unless_it_is_told_otherwise():
    assert Options().hole == "forehead" and Options(method="onepass").hole == "face"
    assert Options(method="blur").hole == "face"
    assert Options(mask="face-120").hole == Options(method="blackout", mask="face-120").hole == "face-120"


def test_a_case_says_its_options():
    assert parse("original") is None
    assert parse("blur strength=0.15") == Options(method="blur", strength=0.15, verify=False)
    assert parse("reference mask=face-120 verify=yes") == Options(mask="face-120")
    assert {parse(method).method for method in METHODS} == set(METHODS)
    for wrong, message in (
        ("onepass size=3", "no setting"),
        ("onepass verify=1", "yes or no"),
        ("blur 3", "no setting"),
        ("blur method=onepass", "no setting"),
        ("blur strength=much", "strength must be a number, not much"),
        ("blur seed=0.5", "seed must be a whole number, not 0.5"),
        ("", "method must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            parse(wrong)
