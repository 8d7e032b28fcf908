"""Who a track becomes: one person for all of its frames, another than those beside it, no one recognised."""

import dataclasses

import numpy as np
import pytest

from deid.anonymization import verification
from deid.anonymization.options import Options
from deid.references import people
from deid.references.library import Library
from deid.video import casting, engine, staging

from .conftest import LARGE, Counted


@pytest.fixture
def reference(library_path) -> Options:
    return Options("reference", weights=str(library_path), **LARGE)


@pytest.fixture
def moving(scenario):
    """Frames with two people, and their paths."""
    staged, survey = scenario("moves")
    return staged, engine.follow(survey, Options(method="blackout", **LARGE))


def cast(staged, paths, options):
    return engine.finished(casting.cast(staging.frames_of(staged), paths, options))


def test_people_who_meet_are_different_ones(moving, reference, library_path):
    staged, paths = moving
    chosen = cast(staged, paths * 2, dataclasses.replace(reference, verify=False))
    library = Library.open(library_path)
    assert len({people.identity(library, one.reference) for one in chosen}) == 4
    assert cast(staged, paths * 2, dataclasses.replace(reference, verify=False)) == chosen, (
        "same seed, same people"
    )


def test_who_is_recognised_becomes_someone_else_and_in_the_end_black(moving, monkeypatch):
    monkeypatch.setattr(casting, "PROBES", 2)
    staged, paths = moving
    (chosen,) = cast(staged, paths[:1], Options("onepass", threshold=-1.0, **LARGE))
    assert chosen.black and chosen.reason == "still recognised"
    assert chosen.verdict == verification.BLACK and len(chosen.tries) == verification.REDRAWN + 1


def test_a_check_that_is_passed_is_told(moving, reference):
    staged, paths = moving
    (chosen,) = cast(staged, paths[:1], dataclasses.replace(reference, threshold=1.0))
    assert chosen.method == "reference" and chosen.verdict == verification.UNKNOWN and len(chosen.tries) == 1


def test_a_face_seen_through_a_mosaic_is_black_in_all_frames(moving):
    staged, paths = moving
    (chosen,) = cast(staged, paths[:1], Options(method="pixelate", strength=60, threshold=-1.0, **LARGE))
    assert chosen.black


@pytest.mark.parametrize(
    ("changes", "score", "reason"),
    [({"min_size": 90.0}, 1.0, "smaller than 90 px"), ({}, 0.8, "the detector is not sure of it")],
)
def test_small_and_doubtful_faces_are_black(moving, changes, score, reason):
    staged, paths = moving
    path = dataclasses.replace(paths[0], score=score)
    options = dataclasses.replace(Options("onepass", verify=False, **LARGE), **changes)
    (chosen,) = cast(staged, [path], options)
    assert chosen.black and chosen.reason == reason


def test_a_doubtful_face_may_be_replaced(moving):
    staged, paths = moving
    path = dataclasses.replace(paths[0], score=0.8)
    (chosen,) = cast(staged, [path], Options("onepass", verify=False, doubtful="replace", **LARGE))
    assert not chosen.black


def test_probes_are_frames_in_which_the_face_was_seen(moving):
    path = moving[1][0]
    lost = np.zeros(len(path.points), bool)
    lost[10:] = True
    numbers = casting.probe_frames(dataclasses.replace(path, lost=lost))
    assert len(numbers) == casting.PROBES and path.first <= min(numbers) and max(numbers) < path.first + 10


def test_few_frames_are_alive_at_once(moving):
    staged, paths = moving
    counted = Counted()
    frames = counted.frames(len(staged), lambda number: staged[number].pixels)
    engine.finished(casting.cast(frames, paths, Options(method="blur", verify=False, **LARGE)))
    assert counted.most <= 2
