"""Who is who from frame to frame, told by places, sizes and looks."""

import numpy as np
import pytest

from deid.photo.faces import Face
from deid.video.tracking import Sighting, Track, link, velocity

RED, BLUE = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def sighting(frame, x, y=100.0, size=40.0, score=1.0, look=RED):
    box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    return Sighting(frame, Face(box, score, ((x, y),) * 5), look)


def tracks(*sightings, starts=(0,), count=100, rate=25.0):
    found = {}
    for one in sightings:
        found.setdefault(one.frame, []).append(one)
    return [[s.frame for s in track.sightings] for track in link(found, list(starts), count, rate, sure=0.9)]


def test_a_moving_face_is_one_track_and_another_beside_it_a_second():
    seen = [sighting(k, 50 + 6 * k) for k in range(0, 20, 2)] + [sighting(k, 300) for k in range(0, 20, 2)]
    assert tracks(*seen) == [list(range(0, 20, 2))] * 2


def test_a_face_lost_for_a_moment_goes_on_where_it_would_be():
    seen = [sighting(k, 50 + 10 * k) for k in (0, 2, 4, 20, 22)]
    assert tracks(*seen) == [[0, 2, 4, 20, 22]]


def test_one_that_was_away_for_long_begins_anew():
    assert tracks(sighting(0, 50), sighting(40, 50)) == [[0], [40]]


def test_no_track_goes_on_across_a_cut():
    seen = [sighting(k, 50) for k in range(0, 20, 2)]
    assert tracks(*seen, starts=(0, 9)) == [[0, 2, 4, 6, 8], [10, 12, 14, 16, 18]]


def test_two_that_cross_are_told_apart_by_their_motion_and_look():
    one = [sighting(k, 50 + 10 * k, look=RED) for k in range(0, 20, 2)]
    other = [sighting(k, 230 - 10 * k, y=104, look=BLUE) for k in range(0, 20, 2)]
    found = {k: [other[k // 2], one[k // 2]] for k in range(0, 20, 2)}
    for track in link(found, [0], 20, 25.0, 0.9):
        assert len({s.look.tobytes() for s in track.sightings}) == 1 and len(track.sightings) == 10


def test_a_face_the_detector_is_not_sure_of_continues_a_track_but_displaces_none():
    weak = [sighting(k, 50 + k, score=0.75) for k in (4, 6)]
    sure = [sighting(k, 50 + k) for k in (0, 2, 8)]
    assert tracks(*sure, *weak) == [[0, 2, 4, 6, 8]]
    both = [sighting(2, 52), sighting(2, 51, score=0.75)]
    assert tracks(sighting(0, 51), *both) == [[0, 2], [2]]


def test_a_face_of_another_size_is_another():
    assert tracks(sighting(0, 50), sighting(2, 50, size=90)) == [[0], [2]]


def test_speed_is_that_of_a_line_through_the_sightings():
    assert velocity([sighting(k, 5 * k, y=-2 * k) for k in (0, 2, 4, 7)]) == pytest.approx([5, -2])
    assert velocity([sighting(3, 5)]) == pytest.approx([0, 0])


@pytest.mark.parametrize(
    ("scores", "end", "score"),
    [
        ([0.8, 0.8, 0.95, 0.8, 0.8], 100, 0.8),  # a fist that was once taken for a face
        ([1.0, 1.0, 0.75, 1.0, 1.0], 100, 1.0),  # a face with one bad frame
        ([1.0, 1.0], 100, 0.0),  # where there was room to be found more often
        ([1.0, 1.0], 4, 1.0),  # where there was none
    ],
)
def test_one_lucky_frame_makes_no_face_and_one_bad_frame_unmakes_none(scores, end, score):
    found = [sighting(2 * k, 50, score=one) for k, one in enumerate(scores)]
    assert Track(0, end, found).score == score
