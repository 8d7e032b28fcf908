"""Who sees what in a blind test."""

from deid.evaluation.blind_test import sheets


def test_each_looker_sees_each_face_once_and_all_versions_are_seen():
    orders = sheets.assigned(10, 3, 6)
    assert all(sorted(face for face, _ in order) == list(range(10)) for order in orders)
    for first in (0, 3):  # three lookers are a whole square
        seen = {pair for order in orders[first : first + 3] for pair in order}
        assert len(seen) == 30
    assert len({tuple(order) for order in orders}) == 6 and orders == sheets.assigned(10, 3, 6)
    assert orders != sheets.assigned(10, 3, 6, seed=1)
