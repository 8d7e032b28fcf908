"""What is left to use, on the two people of the sample photo."""

import pytest

from deid.anonymization.options import Options
from deid.evaluation import cohort, observations, utility

pytest.importorskip("dlib")


def test_untouched_photos_have_everything_left(two_people, tmp_path):
    paths = [person.probe for person in cohort.people(two_people, 2)]
    before = observations.observe(paths, None, tmp_path)
    found = utility.measure_utility(before, before, before.pixels)
    assert found["still detected"][0] == 1 and found["landmark error"][0] == 0 and found["photos"] == 2
    assert found["yaw correlation"][0] == pytest.approx(1) and found["Frechet distance"] == pytest.approx(
        0, abs=0.01
    )


def test_black_faces_leave_no_landmarks_to_measure(two_people, tmp_path):
    paths = [person.probe for person in cohort.people(two_people, 2)]
    before = observations.observe(paths, None, tmp_path)
    after = observations.observe(paths, Options(method="blackout", verify=False), tmp_path)
    found = utility.measure_utility(before, after, before.pixels)
    assert found["still detected"][0] == 0 and "landmark error" not in found and found["Frechet distance"] > 1
