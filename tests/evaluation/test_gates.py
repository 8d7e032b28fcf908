"""Gates stop nonsense, and let good numbers through."""

import pytest

from deid.evaluation import gates
from deid.evaluation.statistics import Interval


def test_gates_stop_what_cannot_be():
    good = Interval(0.97, 0.95, 0.99)
    gates.gate_recogniser("dlib", 0.991, 0.9938)
    gates.gate_results({"original": good, "blackout": Interval(0.01, 0, 0.02)}, people=100, auc=[0.5, 0.9])
    with pytest.raises(gates.GateError, match="not set up right"):
        gates.gate_recogniser("dlib", 0.98, 0.9938)
    with pytest.raises(gates.GateError, match="under 90 %"):
        gates.gate_results({"original": Interval(0.89, 0.8, 0.95)}, people=100)
    with pytest.raises(gates.GateError, match="a leak"):
        gates.gate_results({"blackout mask=forehead": Interval(0.1, 0.05, 0.2)}, people=100)
    with pytest.raises(gates.GateError, match="turned around"):
        gates.gate_results({}, people=100, auc=[0.4])


def test_only_a_judge_that_tells_people_by_their_hair_may_know_some_black_faces():
    hair = {"blackout": Interval(0.04, 0.02, 0.06)}
    gates.gate_results(hair, people=300, judge="mobilefacenet")
    with pytest.raises(gates.GateError, match="a leak"):
        gates.gate_results(hair, people=300, judge="dlib")
    with pytest.raises(gates.GateError, match="a leak"):
        gates.gate_results({"blackout": Interval(0.1, 0.06, 0.2)}, people=300, judge="mobilefacenet")


def test_an_attacker_who_knows_more_may_not_get_less():
    gates.gate_attackers("a method", Interval(0.2, 0.1, 0.3), Interval(0.15, 0.05, 0.25))
    with pytest.raises(gates.GateError, match="it cannot be"):
        gates.gate_attackers("a method", Interval(0.5, 0.4, 0.6), Interval(0.2, 0.1, 0.3))


def test_a_row_may_not_say_less_than_black_faces_do():
    black = Interval(0.3, 0.25, 0.35)
    gates.gate_context("a method", black, black)
    gates.gate_context("a method", Interval(0.24, 0.2, 0.28), black)  # as far as the people tell
    with pytest.raises(gates.GateError, match="24.0% are found, and 30.0% by what is around the face"):
        gates.gate_context("a method", Interval(0.24, 0.23, 0.249), black)


def test_a_detector_has_to_see_black_faces():
    gates.gate_detector(Interval(1.0, 0.98, 1.0))
    with pytest.raises(gates.GateError, match="learned nothing"):
        gates.gate_detector(Interval(0.8, 0.7, 0.9))
