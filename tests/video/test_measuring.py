"""What is measured on staged clips."""

import numpy as np
import pytest

from deid.anonymization.options import Options
from deid.video import measuring

from .conftest import LARGE


def test_a_face_is_visible_where_a_hundredth_of_it_is_not_hidden(scenario):
    frame = scenario("moves")[0][0]
    hidden = np.logical_or.reduce(list(frame.viewed.values()))
    assert not measuring.visible(frame, hidden)
    rows, columns = np.nonzero(frame.viewed[0])
    hidden[rows[: len(rows) // 50], columns[: len(rows) // 50]] = False
    assert measuring.visible(frame, hidden)


def test_flicker_is_what_changes_besides_the_motion(scenario):
    staged = scenario("moves")[0][:8]
    pixels = [frame.pixels for frame in staged]
    assert all(before == after for before, after in measuring.flicker(staged, pixels))
    shaken = [np.roll(frame, k % 2, 1) for k, frame in enumerate(pixels)]
    before, after = np.array(measuring.flicker(staged, shaken)).sum(0)
    assert after > 2 * before


def test_a_face_that_is_half_hidden_says_nothing_of_flicker(scenario):
    staged = scenario("is lost for a moment")[0][17:21]
    assert measuring.flicker(staged, [frame.pixels for frame in staged]) == []


@pytest.mark.parametrize("method", ["blackout", "pixelate"])
def test_a_scenario_is_measured(heads, method):
    options = Options(method=method, verify=False, **LARGE)
    measured = measuring.measure("is cut", heads, 8, options)
    assert (measured.visible, measured.frames, measured.method) == (0, 8, method)
    assert min(measured.seconds) > 0
    assert (measured.flicker < 0.2) if method == "blackout" else (measured.flicker > 0.2)
