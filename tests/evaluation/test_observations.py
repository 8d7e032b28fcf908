"""Photos anonymized and looked at with the real recogniser, on the two people of the sample photo."""

import pytest
import torch

from deid.anonymization.options import Options
from deid.evaluation import attacks, cohort, observations, utility
from deid.generators.weights import files
from deid.photo.images import Photo

pytest.importorskip("dlib")
BLACK = Options(method="blackout", verify=False)


def test_originals_are_recognised_and_black_faces_are_not(two_people, tmp_path):
    chosen = cohort.people(two_people, 2)
    gallery = observations.observe([person.gallery for person in chosen], None, tmp_path)
    probes = observations.observe([person.probe for person in chosen], None, tmp_path)
    found = attacks.fixed(probes.vectors["dlib"], gallery.vectors["dlib"])
    assert found["rank-1"][0] == 1 and found["area under curve"] == 1 and probes.detected.all()
    covered = observations.observe([person.probe for person in chosen], BLACK, tmp_path)
    hidden = attacks.fixed(covered.vectors["dlib"], gallery.vectors["dlib"])
    assert not covered.detected.any() and covered.after.isnan().all()
    own = "similarity to the own original"
    assert hidden[own][0] < found[own][0] - 0.05
    assert utility.landmark_error(probes).max() == 0 and len(utility.landmark_error(covered)) == 0


def test_observations_are_stored_and_belong_to_their_settings(two_people, tmp_path, monkeypatch):
    paths = [person.probe for person in cohort.people(two_people, 2)]
    first = observations.observe(paths, BLACK, tmp_path)
    stored = sorted(tmp_path.iterdir())
    monkeypatch.setattr(observations.images, "load", lambda path: pytest.fail("looked at twice"))
    assert torch.equal(observations.observe(paths, BLACK, tmp_path).vectors["dlib"], first.vectors["dlib"])
    monkeypatch.undo()
    pixels = observations.observe(paths, Options(method="pixelate", strength=4, verify=False), tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(stored) + 1, "another method, another file"
    observations.observe(paths, BLACK, tmp_path, seed=5)
    observations.observe(paths[:1], BLACK, tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(stored) + 3, "another seed, other photos: other files"
    assert not torch.equal(pixels.vectors["dlib"], first.vectors["dlib"])


def test_other_weights_in_the_same_file_are_looked_at_anew(two_people, tmp_path):
    paths = [person.probe for person in cohort.people(two_people, 1)]
    bundled, weights = Options(method="onepass").load_method().files[0], tmp_path / "own.safetensors"
    tensors, facts = files.read(bundled)
    for changed in (facts, facts | {"note": "another file"}):
        files.write(weights, tensors, changed)
        options = Options(method="onepass", weights=str(weights), verify=False)
        observations.observe(paths, options, tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_where_no_face_is_found_one_is_put_in_the_middle():
    (face,) = observations.locate_faces(Photo(torch.zeros(1, 3, 100, 120)))
    assert face.points().mean(0).tolist() == pytest.approx([60, 50], abs=6)


def test_rows_of_observations_are_chosen_together(two_people, tmp_path):
    paths = [person.gallery for person in cohort.people(two_people, 2)]
    both = observations.observe(paths, None, tmp_path)
    second = both[torch.tensor([1])]
    assert torch.equal(second.vectors["dlib"], both.vectors["dlib"][1:]) and torch.equal(
        second.before, both.before[1:]
    )
    assert second.pixels.shape == (1, 3, 64, 64) and second.pixels.abs().max() <= 1


def test_all_judges_see_the_same_results(two_people, tmp_path):
    paths = [person.gallery for person in cohort.people(two_people, 2)]
    both = observations.observe(paths, None, tmp_path, ("dlib", "openface"))
    alone = observations.observe(paths, None, tmp_path, ("openface",))
    assert list(both.vectors) == ["dlib", "openface"]
    assert torch.equal(both.vectors["openface"], alone.vectors["openface"])
    assert len(sorted(tmp_path.iterdir())) == 2, "other judges, another file"


def test_a_new_option_leaves_what_is_stored_where_it_is(two_people):
    paths = [person.gallery for person in cohort.people(two_people, 1)]
    names = [observations.key(paths, options, ("dlib",), 0) for options in (None, BLACK)]
    changed = observations.key(paths, Options(method="blackout", verify=False, mask="face-120"), ("dlib",), 0)
    same = observations.key(paths, Options(method="blackout", verify=False, min_score=0.9), ("dlib",), 0)
    assert names[0] != names[1] == same != changed


def test_a_methods_new_drawing_leaves_what_others_made(two_people, monkeypatch):
    paths = [person.gallery for person in cohort.people(two_people, 1)]
    asked = [BLACK, Options(method="onepass", verify=False)]
    before = [observations.key(paths, options, ("dlib",), 0) for options in asked]
    monkeypatch.setitem(observations.DRAWN, "onepass", observations.REVISION + 1)
    after = [observations.key(paths, options, ("dlib",), 0) for options in asked]
    assert before[0] == after[0] and before[1] != after[1]
