"""Whether the default holds, from numbers that are known."""

import pytest

from deid.evaluation import goals


def test_a_goal_holds_with_its_interval_as_measured_or_not(numbers):
    found = {row["goal"]: row for row in goals.goals(numbers)}
    assert found["found by the fixed attacker, rank-1"]["holds"].startswith("as measured")
    assert found["found by the adaptive attacker, rank-1"]["holds"] == "**no**"
    assert found["photos in which a face is still found"]["holds"] == "yes"
    assert found["accepted by it at 0.1 % false accepts"]["found"] == "not run"
    assert found["found by what is around the face, adaptive attacker"]["found"] == "20.0 % (10.0 to 30.0)"
    numbers["cases"]["reference verify=yes"]["usefulness"]["still detected"] = [0.98, 0.97, 1.0]
    assert goals.goals(numbers)[4]["holds"] == "**no**"


def test_a_run_without_the_default_has_no_goals(numbers):
    del numbers["cases"]["reference verify=yes"]
    with pytest.raises(ValueError, match="default"):
        goals.goals(numbers)
