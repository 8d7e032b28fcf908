"""Which numbers count."""

import pytest

from deid.evaluation import headline


@pytest.mark.parametrize(
    ("case", "around"),
    [
        ("original", ""),
        ("other person", ""),
        ("blur strength=0.05", "blackout"),
        ("blackout", "blackout"),
        ("reference verify=yes", "blackout mask=forehead"),
        ("onepass mask=face-120", "blackout mask=face-120"),
    ],
)
def test_the_context_of_a_case_is_its_hole_in_black(case, around):
    assert headline.context(case) == around


def test_the_judge_that_finds_most_counts():
    reports = {
        "a": {"rank-1": [0.1, 0, 0.2], "rank-5": [0.5, 0, 1]},
        "b": {"rank-1": [0.2, 0, 0.3], "rank-5": [0.4, 0, 1]},
    }
    assert headline.worst(reports) == ("b", [0.2, 0, 0.3])
    assert headline.worst(reports, "rank-5") == ("a", [0.5, 0, 1])


def test_the_strongest_attacker_may_look_at_the_context():
    def found(fixed: float, adaptive: float) -> dict:
        shares = {"fixed": fixed, "adaptive": adaptive}
        return {name: {"dlib": {"rank-1": [share, 0, 1]}} for name, share in shares.items()}

    results = {"reference": found(0.02, 0.1), "blackout mask=forehead": found(0.04, 0.3)}
    assert headline.strongest(results, "reference") == {
        "share": [0.3, 0, 1],
        "attacker": "context, adaptive",
        "judge": "dlib",
    }
    del results["blackout mask=forehead"]
    assert headline.strongest(results, "reference")["attacker"] == "adaptive", "it was not run"


def test_every_attacker_has_the_cases_that_were_run(numbers):
    found = headline.by_attacker(numbers["cases"])
    assert list(found) == ["fixed", "adaptive", "context"]
    assert found["fixed"].keys() == numbers["cases"].keys()
    assert found["context"]["reference"] == found["adaptive"]["blackout mask=forehead"]
    assert "blur strength=0.05" not in found["context"], "the hole of a blur was not made black"


def test_a_case_has_a_brief_name():
    assert headline.brief("stylegan2 mask=face-80 starts=8 iterations=40") == "stylegan2 face-80"
    assert headline.brief("reference shape=pose verify=yes") == "reference shape=pose (checked)"
    assert headline.brief("blur strength=0.05") == "blur 0.05" and headline.brief("original") == "original"
